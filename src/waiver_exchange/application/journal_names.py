"""Rows of the journal in words: names of commands, events and fields, and the public ids of what they speak of."""

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Final, get_args

from waiver_exchange.application.audit_facts import decode_facts
from waiver_exchange.domain import codes
from waiver_exchange.domain.audit_events import AuditEvent
from waiver_exchange.domain.commands import Command, ExchangeParameters, RecordAudit, decode_command
from waiver_exchange.domain.events import Event, OrderCancelled, decode_events
from waiver_exchange.domain.ids import IdKind, to_text
from waiver_exchange.domain.refusals import CancelReason, RefusalReason

Named = dict[str, object]

_TEXTS: Final = frozenset({"reference", "facts", "client_order_id", "reason_text"})
_FIRST_WORD: Final = 3
_IDS: Final[Mapping[str, IdKind]] = {
    "account": IdKind.account,
    "actor": IdKind.account,
    "maker_account": IdKind.account,
    "taker_account": IdKind.account,
    "market": IdKind.market,
    "order_id": IdKind.order,
    "new_order_id": IdKind.order,
    "maker_order": IdKind.order,
    "taker_order": IdKind.order,
    "trade_id": IdKind.trade,
}


def _number_of(kind: type) -> int:
    number = getattr(codes, re.sub(r"(?<!^)([A-Z])", r"_\1", kind.__name__).upper())
    assert isinstance(number, int)  # noqa: S101 - every command has a number, a test compares them
    return number


def _words_of(kind: type) -> tuple[str, ...]:
    names = tuple(field.name for field in fields(kind))
    if names == ("parameters",):
        return tuple(field.name for field in fields(ExchangeParameters))
    return tuple(name for name in names if name != "account" and name not in _TEXTS)


def _text_of(kind: type) -> str:
    return next((field.name for field in fields(kind) if field.name in _TEXTS), "")


_COMMANDS: Final = {_number_of(kind): (kind.__name__, _words_of(kind), _text_of(kind)) for kind in get_args(Command)}
_AUDIT: Final = _number_of(RecordAudit)


def name_command(record: bytes) -> Named:
    """Return a journaled command as its name and fields, amounts in the unit that ends their names."""
    command = decode_command(record)
    name, names, text = _COMMANDS[command.kind]
    named: Named = {"command": name}
    if command.account:
        named["account"] = to_text(IdKind.account, command.account)
    named |= {
        field: _value(field, word, is_audit=command.kind == _AUDIT)
        for field, word in zip(names, command.words[_FIRST_WORD:], strict=False)
    }
    if command.kind == _AUDIT:
        named["facts"] = decode_facts(command.tail)
    elif command.tail:
        named[text or "text"] = command.tail
    return named


def name_events(record: bytes) -> list[Named]:
    """Return a row's events as their names and fields, amounts in the unit that ends their names."""
    return [_name_event(event) for event in decode_events(record)]


def _name_event(event: Event) -> Named:
    is_audit = type(event).__name__ == "AuditRecorded"
    named: Named = {"event": type(event).__name__}
    for field, word in event._asdict().items():
        name = "audit_event" if is_audit and field == "event" else field
        named[name] = _value(field, word, is_audit=is_audit, cancels=isinstance(event, OrderCancelled))
    return named


def _value(field: str, word: int, *, is_audit: bool, cancels: bool = False) -> object:
    kind = _IDS.get(field)
    if kind is not None:
        return to_text(kind, word) if word else None
    if field == "reason":
        return _named_number(CancelReason if cancels else RefusalReason, word)
    if is_audit and field == "event":
        return _named_number(AuditEvent, word)
    return word


def _named_number(kind: type[CancelReason | RefusalReason | AuditEvent], number: int) -> object:
    """Return the name of a number, or the number where this version has none."""
    return next((member.name for member in kind if int(member) == number), number)
