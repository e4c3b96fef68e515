"""The facts of an audit event as the journal holds them: a small JSON object without personal data."""

import json
import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Final

from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.refusals import RefusalReason

Fact = str | int
FACTS_BYTES_MAX: Final = 2_048
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
_EMAIL: Final = re.compile(r"[^\s@]@[^\s@]|[^\s@]%40[^\s@]", re.IGNORECASE)


def encode_facts(facts: Mapping[str, Fact]) -> str:
    """Return facts as JSON text, the same for the same facts.

    Raises `RefusedError` when a text holds what looks like an e-mail address or is a network address, or all of it is
    longer than 2 KiB: the journal is for ever, and personal data must be forgettable. Raises `ValueError` for a name
    that is none.
    """
    for name, value in facts.items():
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a fact")
        if isinstance(value, str) and _is_personal(value):
            raise RefusedError(RefusalReason.audit_facts_look_personal, fact=name)
    try:
        text = json.dumps(facts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        size = len(text.encode())
    except UnicodeEncodeError:
        raise RefusedError(RefusalReason.field_is_invalid, expected="text in Unicode") from None
    if size > FACTS_BYTES_MAX:
        raise RefusedError(RefusalReason.audit_facts_are_too_long, bytes_max=FACTS_BYTES_MAX)
    return text


def decode_facts(text: str) -> dict[str, Fact]:
    """Return the facts of a journaled text; one that is none is given as it is, under `text`."""
    try:
        facts = json.loads(text) if text else {}
    except ValueError:
        return {"text": text}
    return facts if isinstance(facts, dict) else {"text": text}


def _is_personal(value: str) -> bool:
    if _EMAIL.search(value):
        return True
    try:
        ip_address(value.strip().strip("[]"))
    except ValueError:
        return False
    return True
