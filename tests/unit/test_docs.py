"""The documents name everything that exists, as it is, and their links lead somewhere."""

import re
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

from waiver_exchange.domain import codes
from waiver_exchange.domain.audit_events import AuditEvent
from waiver_exchange.domain.commands import AccountLimits, Command, ExchangeParameters
from waiver_exchange.domain.events import EVENT_TYPES, Event
from waiver_exchange.domain.refusals import CancelReason, RefusalReason
from waiver_exchange.gateway.rest.errors import STATUS_OF

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
COMMAND_KINDS = get_args(Command)
TEXTS = {"reference", "facts", "client_order_id"}
# A target in round brackets, or a path in backticks that starts at the root.
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
PATH = re.compile(r"`((?:docs|src|tests|tools)/[\w./-]+\.\w+)`")


@cache
def rows_of(document: str) -> tuple[tuple[str, ...], ...]:
    """The cells of every row of a document's tables."""
    lines = (DOCS / document).read_text(encoding="utf-8").splitlines()
    return tuple(
        tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in lines if line.startswith("| ")
    )


def row_of(document: str, name: str) -> tuple[str, ...]:
    found = [row for row in rows_of(document) if row[1] == f"`{name}`"]
    assert len(found) == 1, f"docs/{document} has {len(found)} rows for {name}"
    return found[0]


def quoted(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"


def number_of(kind: type) -> int:
    number = getattr(codes, re.sub(r"(?<!^)([A-Z])", r"_\1", kind.__name__).upper())
    assert isinstance(number, int)
    return number


@pytest.mark.parametrize("reason", RefusalReason, ids=lambda reason: reason.name)
def test_every_refusal_is_documented_as_it_is(reason: RefusalReason) -> None:
    number, _, status, message, when = row_of("refusals.md", reason.name)
    assert (number, status, message) == (str(int(reason)), str(int(STATUS_OF[reason])), reason.message)
    assert when


@pytest.mark.parametrize("reason", CancelReason, ids=lambda reason: reason.name)
def test_every_cancel_reason_is_documented(reason: CancelReason) -> None:
    number, _, when = row_of("refusals.md", reason.name)
    assert number == str(int(reason))
    assert when


@pytest.mark.parametrize("event", AuditEvent, ids=lambda event: event.name)
def test_every_audit_event_is_documented_as_it_is(event: AuditEvent) -> None:
    assert row_of("audit.md", event.name) == (str(int(event)), f"`{event.name}`", event.meaning)


@pytest.mark.parametrize("kind", get_args(Event), ids=lambda kind: kind.__name__)
def test_every_event_is_documented_with_its_fields(kind: type[Event]) -> None:
    number, _, documented, meaning = row_of("events.md", kind.__name__)
    assert EVENT_TYPES[int(number)] is kind
    assert number_of(kind) == int(number)
    assert documented == quoted(list(kind._fields))
    assert meaning


@pytest.mark.parametrize("kind", COMMAND_KINDS, ids=lambda kind: kind.__name__)
def test_every_command_is_documented_with_its_fields(kind: type[Command]) -> None:
    number, _, documented, text, meaning = row_of("events.md", kind.__name__)
    names = [field.name for field in fields(kind)]
    if names == ["parameters"]:
        names = [field.name for field in fields(ExchangeParameters)]
    if names[-1:] == ["limits"]:
        names[-1:] = [field.name for field in fields(AccountLimits)]
    assert number == str(number_of(kind))
    assert documented == quoted([name for name in names if name not in TEXTS])
    assert text.partition(":")[0] == quoted([name for name in names if name in TEXTS])
    assert meaning


def test_nothing_is_documented_that_does_not_exist() -> None:
    reasons = {member.name for member in (*RefusalReason, *CancelReason)}
    kinds = {kind.__name__ for kind in (*COMMAND_KINDS, *get_args(Event))}
    assert {row[1].strip("`") for row in rows_of("refusals.md")} == reasons | {"code"}
    assert {row[1].strip("`") for row in rows_of("events.md")} == kinds | {"command", "event"}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_paths_lead_to_files(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    targets = [document.parent / link.partition("#")[0] for link in LINK.findall(text) if is_relative(link)]
    targets += [ROOT / path for path in PATH.findall(text)]
    assert [str(target) for target in targets if not target.exists()] == []


def is_relative(link: str) -> bool:
    return not link.startswith(("http://", "https://", "mailto:", "#"))


def test_the_architecture_names_files_that_exist() -> None:
    known = {path.relative_to(ROOT / "src" / "waiver_exchange").as_posix() for path in (ROOT / "src").rglob("*.py")}
    named = re.findall(r"`([\w/]+\.py)`", (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"))
    assert [name for name in named if not any(f"/{path}".endswith(f"/{name}") for path in known)] == []


def test_every_document_is_linked_from_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in DOCS.glob("*.md") if f"(docs/{path.name})" not in readme] == []


def test_every_part_of_the_gateway_is_in_the_architecture() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    parts = [path.parent.name for path in (ROOT / "src/waiver_exchange/gateway").glob("*/__init__.py")]
    assert [part for part in parts if f"{part}/" not in text] == []
