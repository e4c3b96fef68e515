"""The fields of a request, each taken in the type it must have; a field that is null was not given."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.limits import NANOSECONDS_PER_SECOND
from waiver_exchange.domain.money import InvalidAmountError
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest.json_object import JsonObject, NumberText

_NAME_QUOTED_MAX: Final = 60
_DIGITS_MAX: Final = 64
_SCIENTIFIC: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?[eE][+-]?[0-9]{1,3}", re.ASCII)
_TIME: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?([Zz]|[+-][0-9]{2}:[0-9]{2})",
    re.ASCII,
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TIME_NS_MAX: Final = 2**62


def refuse_unknown(given: JsonObject, *, known: frozenset[str]) -> None:
    """Refuse a misspelled field: ignoring it would place another order than was meant. Raises `RefusedError`."""
    if not known.issuperset(given):
        unknown = given.keys() - known
        raise RefusedError(RefusalReason.field_is_unknown, field=min(unknown)[:_NAME_QUOTED_MAX])


def required_text(given: JsonObject, field: str) -> str:
    """Return a text that must be there. Raises `RefusedError`."""
    value = text(given, field)
    if value is None:
        raise RefusedError(RefusalReason.field_is_missing, field=field)
    return value


def text(given: JsonObject, field: str) -> str | None:
    """Return a text, or None when it is not given. Raises `RefusedError`."""
    value = given.get(field)
    if value is None or (isinstance(value, str) and not isinstance(value, NumberText)):
        return value
    raise RefusedError(RefusalReason.field_is_invalid, field=field, expected="string")


def flag(given: JsonObject, field: str) -> bool:
    """Return a boolean, or False when it is not given. Raises `RefusedError`."""
    value = given.get(field)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise RefusedError(RefusalReason.field_is_invalid, field=field, expected="boolean")


def amount(given: JsonObject, field: str, *, parse: Callable[[str], int]) -> int | None:
    """Return an amount given as a string or number, by a parser of `domain.money`. Raises `RefusedError`."""
    value = given.get(field)
    if value is None:
        return None
    if not isinstance(value, str):
        raise RefusedError(RefusalReason.field_is_invalid, field=field, expected="decimal string")
    try:
        return parse(_without_exponent(value))
    except InvalidAmountError as error:
        raise RefusedError(error.reason, field=field) from error


def _without_exponent(number: str) -> str:
    """Return the same number in plain digits; what cannot be an amount is returned for its parser to refuse."""
    if len(number) > _DIGITS_MAX or not _SCIENTIFIC.fullmatch(number):
        return number
    return f"{Decimal(number):f}"


def time_ns(given: JsonObject, field: str) -> int | None:
    """Return an RFC 3339 time with its zone in UNIX nanoseconds, or None. Raises `RefusedError`."""
    value = text(given, field)
    if value is None:
        return None
    nanoseconds = parse_time(value)
    if nanoseconds is None:
        raise RefusedError(RefusalReason.field_is_invalid, field=field, expected="RFC 3339 time with zone")
    if nanoseconds <= 0:
        raise RefusedError(RefusalReason.expiry_is_not_in_the_future, field=field)
    if nanoseconds > _TIME_NS_MAX:
        raise RefusedError(RefusalReason.expiry_is_too_far, field=field)
    return nanoseconds


def parse_time(value: str) -> int | None:
    """Return an RFC 3339 time with its zone in UNIX nanoseconds, or None when the text is none."""
    found = _TIME.fullmatch(value)
    moment = None if found is None else _moment_of(found)
    if found is None or moment is None:
        return None
    # In whole numbers: a float of nanoseconds since 1970 would be off by hundreds of them.
    seconds = (moment - _EPOCH) // timedelta(seconds=1)
    return seconds * NANOSECONDS_PER_SECOND + int((found[3] or "").ljust(9, "0"))


def _moment_of(found: re.Match[str]) -> datetime | None:
    try:
        return datetime.fromisoformat(f"{found[1]}T{found[2]}{found[4].upper()}")
    except ValueError:
        return None
