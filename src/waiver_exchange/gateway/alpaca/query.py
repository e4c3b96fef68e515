"""What follows the question mark, read leniently: unknown parameters are ignored, lists may repeat or use commas."""

import re
from datetime import date
from typing import Final
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from waiver_exchange.gateway.alpaca.errors import invalid
from waiver_exchange.gateway.alpaca.times import parse_date, parse_time
from waiver_exchange.gateway.rest.context import AnyRequest

Query = dict[str, str]

_PARAMETERS_MAX: Final = 1_000
_LIST_MAX: Final = 1_000
_WHOLE: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
_BOOLEANS: Final = {
    **dict.fromkeys(("true", "t", "1", "yes"), True),
    **dict.fromkeys(("false", "f", "0", "no"), False),
}
_UNSET: Final = frozenset({"", "None", "null"})
_QUOTED_MAX: Final = 40
_FIRST_DAY: Final = date(1970, 1, 1)
_LAST_DAY: Final = date(2199, 12, 31)
_DATE_LENGTH: Final = len("2026-09-07")


def query_of(request: AnyRequest) -> Query:
    """Return the parameters that are set; one that is given more than once is a list. Raises `AlpacaError`."""
    raw: bytes = request.scope["query_string"]
    try:
        pairs = parse_qsl(raw.decode("latin-1"), keep_blank_values=False, max_num_fields=_PARAMETERS_MAX)
    except ValueError as error:
        raise invalid("invalid query") from error
    query: Query = {}
    for given, value in pairs:
        name = given.removesuffix("[]")
        if value not in _UNSET:
            query[name] = f"{query[name]},{value}" if name in query else value
    return query


def word(query: Query, name: str, *, allowed: tuple[str, ...], default: str) -> str:
    """Return one of some words, in lower case. Raises `AlpacaError`."""
    value = query.get(name, default).lower()
    if value not in allowed:
        raise invalid(f"invalid {name} {value[:_QUOTED_MAX]!a}: must be one of {', '.join(allowed)}")
    return value


def whole_number(query: Query, name: str, *, default: int, largest: int) -> int:
    """Return a whole number from 1 to `largest`. Raises `AlpacaError`."""
    value = query.get(name)
    if value is None:
        return default
    number = int(value) if _WHOLE.fullmatch(value) else 0
    if not 1 <= number <= largest:
        raise invalid(f"invalid {name} {value[:_QUOTED_MAX]!a}: must be a whole number from 1 to {largest}")
    return number


def flag(query: Query, name: str) -> bool:
    """Return a boolean in any spelling that clients use, False when it is not given. Raises `AlpacaError`."""
    value = query.get(name)
    if value is None:
        return False
    found = _BOOLEANS.get(value.lower())
    if found is None:
        raise invalid(f"invalid {name} {value[:_QUOTED_MAX]!a}: must be true or false")
    return found


def words(query: Query, name: str) -> list[str] | None:
    """Return the values of a list, or None when it is not given. Raises `AlpacaError`."""
    value = query.get(name)
    if value is None:
        return None
    values = [part.strip() for part in value.split(",") if part.strip()]
    if len(values) > _LIST_MAX:
        raise invalid(f"invalid {name}: at most {_LIST_MAX} values")
    return values


def time_ns(query: Query, name: str, *, zone: ZoneInfo, is_end: bool = False) -> int | None:
    """Return a time in UNIX nanoseconds, or None when it is not given. Raises `AlpacaError`."""
    value = query.get(name)
    if value is None:
        return None
    found = parse_time(value, zone=zone, is_end=is_end)
    if found is None:
        raise invalid(f"invalid {name} {value[:_QUOTED_MAX]!a}: expected RFC 3339 or YYYY-MM-DD")
    return found


def day(query: Query, name: str) -> date | None:
    """Return a date of 1970 to 2199, or that of a time, or None when it is not given. Raises `AlpacaError`."""
    value = query.get(name)
    if value is None:
        return None
    found = parse_date(value[:_DATE_LENGTH])
    if found is None:
        raise invalid(f"invalid {name} {value[:_QUOTED_MAX]!a}: expected YYYY-MM-DD")
    return min(max(found, _FIRST_DAY), _LAST_DAY)
