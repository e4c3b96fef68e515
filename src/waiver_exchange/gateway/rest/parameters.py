"""The parameters of routes: one description of each that reads it and that the OpenAPI document shows."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.ids import IdKind, from_uuid
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest import fields
from waiver_exchange.gateway.rest.cursors import decode_cursor
from waiver_exchange.gateway.rest.values import Named, Schema

T = TypeVar("T")

LIMIT_DEFAULT: Final = 100
LIMIT_MAX: Final = 500
_SYMBOL: Final = re.compile(r"[A-Z0-9][A-Z0-9.]{0,19}", re.ASCII)
SYMBOL_SCHEMA: Final[Schema] = {"type": "string", "pattern": f"^{_SYMBOL.pattern}$", "examples": ["MAHOMES"]}
_TEXT_MAX: Final = 200
# What the stores hold; before and behind it nothing ever happened.
_TIME_NS_MAX: Final = 2**62
_UUID_PATTERN: Final = "^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parameter(Named[T]):
    """A part of the path or query: `parse` makes a value of its text, or raises `RefusedError`."""

    parse: Callable[[str], T]
    default: T
    place: Literal["path", "query"] = "query"
    is_comma_separated: bool = False


def invalid(name: str, *, expected: str) -> RefusedError:
    """Return the refusal of a parameter's value."""
    return RefusedError(RefusalReason.field_is_invalid, field=name, expected=expected)


def whole_number(name: str, *, default: int, largest: int, description: str, least: int = 1) -> Parameter[int]:
    """Return a parameter that is a whole number within bounds."""
    digits = re.compile(rf"[0-9]{{1,{len(str(largest))}}}", re.ASCII)

    def parse(text: str) -> int:
        if not digits.fullmatch(text) or not least <= int(text) <= largest:
            raise invalid(name, expected=f"a whole number from {least} to {largest}")
        return int(text)

    schema = {"type": "integer", "minimum": least, "maximum": largest, "default": default}
    return Parameter(name=name, schema=schema, description=description, parse=parse, default=default)


def limit(default: int = LIMIT_DEFAULT, largest: int = LIMIT_MAX) -> Parameter[int]:
    """Return how many items an answer has at most."""
    return whole_number("limit", default=default, largest=largest, description="How many items at most.")


def word(name: str, words: Iterable[str], *, default: str, description: str) -> Parameter[str]:
    """Return a parameter that is one of some words."""
    allowed = tuple(words)

    def parse(text: str) -> str:
        if text not in allowed:
            raise RefusedError(RefusalReason.field_is_invalid, field=name, allowed=", ".join(allowed))
        return text

    schema = {"type": "string", "enum": list(allowed), "default": default}
    return Parameter(name=name, schema=schema, description=description, parse=parse, default=default)


def optional_word(name: str, words: Iterable[str], *, description: str) -> Parameter[str | None]:
    """Return a parameter that is one of some words, or is not given."""
    known = word(name, words, default="", description=description)
    schema = {"type": "string", "enum": known.schema["enum"]}
    return Parameter(name=name, schema=schema, description=description, parse=known.parse, default=None)


def flag(name: str, *, description: str) -> Parameter[bool]:
    """Return a parameter that is true or false, and false when it is not given."""
    known = word(name, ("true", "false"), default="false", description=description)
    schema = {"type": "boolean", "default": False}

    def parse(text: str) -> bool:
        return known.parse(text) == "true"

    return Parameter(name=name, schema=schema, description=description, parse=parse, default=False)


def text(name: str, *, description: str, schema: Schema | None = None) -> Parameter[str | None]:
    """Return a parameter that is a text of bounded length, or is not given."""

    def parse(given: str) -> str:
        if not 0 < len(given) <= _TEXT_MAX:
            raise invalid(name, expected=f"1 to {_TEXT_MAX} characters")
        return given

    shown = schema or {"type": "string", "minLength": 1, "maxLength": _TEXT_MAX}
    return Parameter(name=name, schema=shown, description=description, parse=parse, default=None)


def symbols(name: str, *, largest: int, description: str) -> Parameter[tuple[str, ...] | None]:
    """Return a parameter that is some tickers with commas between them, or is not given."""

    def parse(given: str) -> tuple[str, ...]:
        found = tuple(dict.fromkeys(given.split(",")))
        if not all(map(_SYMBOL.fullmatch, found)) or len(found) > largest:
            raise invalid(name, expected=f"1 to {largest} tickers with commas between them")
        return found

    return Parameter(
        name=name,
        schema={"type": "array", "items": SYMBOL_SCHEMA, "minItems": 1, "maxItems": largest},
        description=description,
        parse=parse,
        default=None,
        is_comma_separated=True,
    )


def time_ns(name: str, *, description: str) -> Parameter[int | None]:
    """Return a parameter that is a time with its zone, in UNIX nanoseconds, or is not given."""

    def parse(given: str) -> int:
        moment = fields.parse_time(given)
        if moment is None:
            raise invalid(name, expected="RFC 3339 time with zone, such as 2026-09-07T00:20:00Z; + is written %2B")
        return max(0, min(moment, _TIME_NS_MAX))

    schema = {"type": "string", "format": "date-time"}
    return Parameter(name=name, schema=schema, description=description, parse=parse, default=None)


def cursor(kind: str, *, parts: int = 1) -> Parameter[tuple[int, ...] | None]:
    """Return where a page continues: the `next_cursor` of another page of the same list."""

    def parse(given: str) -> tuple[int, ...]:
        found = decode_cursor(kind, given)
        if found is None or len(found) != parts:
            raise invalid("cursor", expected="the next_cursor of another page of this list")
        return found

    return Parameter(
        name="cursor",
        schema={"type": "string", "minLength": 1, "maxLength": _TEXT_MAX},
        description="The `next_cursor` of another page of this list; its text has no meaning.",
        parse=parse,
        default=None,
    )


def order_id_query(description: str) -> Parameter[int | None]:
    """Return an order's id in the query."""

    def parse(given: str) -> int:
        order_id = from_uuid(IdKind.order, given)
        if order_id is None:
            raise invalid("order_id", expected="the id of an order")
        return order_id

    return Parameter(name="order_id", schema={"type": "string"}, description=description, parse=parse, default=None)


def _path_text(name: str, description: str, schema: Schema) -> Parameter[str]:
    return Parameter(
        name=name, schema=schema, description=description, parse=str, default="", place="path", is_required=True
    )


def _order_id(given: str) -> int:
    order_id = from_uuid(IdKind.order, given)
    if order_id is None:
        raise RefusedError(RefusalReason.order_not_found)
    return order_id


SYMBOL_PATH: Final = _path_text("symbol", "The market's ticker.", SYMBOL_SCHEMA)
KEY_PATH: Final = _path_text("key_id", "The API key, not its secret.", {"type": "string"})
SYMBOL: Final = text("symbol", description="Only this market.", schema=SYMBOL_SCHEMA)
START: Final = time_ns("start", description="Not before this time.")
END: Final = time_ns("end", description="Before this time.")
DIRECTION: Final = word("direction", ("asc", "desc"), default="desc", description="Oldest or newest first.")
ORDER_ID_PATH: Final = Parameter(
    name="order_id",
    schema={"type": "string", "pattern": _UUID_PATTERN},
    description="The order's id.",
    parse=_order_id,
    default=0,
    place="path",
    is_required=True,
)
