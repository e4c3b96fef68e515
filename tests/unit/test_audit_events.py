"""Every audit event is written somewhere in the source, and the documents list those and no others."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from waiver_exchange.domain.audit_events import RETIRED, AuditEvent

ROOT: Final = Path(__file__).parents[2]
SOURCE: Final = ROOT / "src" / "waiver_exchange"
# Those define and read them.
READERS: Final = (SOURCE / "domain", SOURCE / "projections")
ROW: Final = re.compile(r"^\| (\d+) \| `(\w+)` \| .+ \|$", re.MULTILINE)


def written_in(path: Path) -> Iterator[str]:
    """The events that a module gives to a call, or keeps under the name `event` to give it to one."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        values: list[ast.expr] = []
        if isinstance(node, ast.Call):
            values = [*node.args, *(keyword.value for keyword in node.keywords)]
        elif isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "event" for target in node.targets
        ):
            values = [node.value]
        for value in values:
            if (
                isinstance(value, ast.Attribute)
                and isinstance(value.value, ast.Name)
                and value.value.id == "AuditEvent"
            ):
                yield value.attr


@pytest.fixture(scope="module")
def written() -> frozenset[str]:
    modules = [path for path in SOURCE.rglob("*.py") if not any(path.is_relative_to(folder) for folder in READERS)]
    return frozenset(name for path in modules for name in written_in(path))


@pytest.mark.parametrize("event", AuditEvent, ids=lambda event: event.name)
def test_every_audit_event_has_a_producer(event: AuditEvent, written: frozenset[str]) -> None:
    assert event.name in written


def test_the_documents_list_the_audit_events_and_no_others() -> None:
    listed = ROW.findall((ROOT / "docs" / "audit.md").read_text(encoding="utf-8"))
    assert listed == [(str(int(event)), event.name) for event in AuditEvent]


def test_a_number_that_was_given_once_is_given_to_nothing_else() -> None:
    assert RETIRED.isdisjoint(map(int, AuditEvent))
