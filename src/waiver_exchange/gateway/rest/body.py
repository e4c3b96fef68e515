"""The fields of request bodies: one description that reads them and that the OpenAPI document shows."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.money import parse_money, parse_price, parse_quantity
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest import fields
from waiver_exchange.gateway.rest.json_object import JsonObject
from waiver_exchange.gateway.rest.values import Named, Schema, Values

T = TypeVar("T")

_DECIMAL_PATTERN: Final = r"^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?$"
_NULL: Final[Schema] = {"type": "null"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Field(Named[T]):
    """A field of a body: `read` takes its value out of the object, or raises `RefusedError`."""

    read: Callable[[JsonObject, str], T]


class Body:
    """The fields that an object may have."""

    def __init__(self, name: str, *known: Field[Any]) -> None:
        """Describe an object by its fields."""
        self.name = name
        self.fields = known
        self._names = frozenset(field.name for field in known)
        self._required = tuple((field.name, field.read) for field in known if field.is_required)
        # What a field that is not given comes to; only those that are given are read.
        self._absent = {field.name: field.read({}, field.name) for field in known if not field.is_required}
        self._readers = {field.name: field.read for field in known}

    def read(self, given: JsonObject) -> Values:
        """Return the values of an object's fields. Raises `RefusedError`."""
        fields.refuse_unknown(given, known=self._names)
        values = self._absent.copy()
        for name, read in self._required:
            values[name] = read(given, name)
        readers, absent = self._readers, self._absent
        for name in given:
            if name in absent:
                values[name] = readers[name](given, name)
        return Values(values)

    def schema(self) -> Schema:
        """Return the JSON Schema of the object."""
        schema: dict[str, object] = {
            "type": "object",
            "properties": {field.name: {**field.schema, "description": field.description} for field in self.fields},
            "additionalProperties": False,
        }
        required = [field.name for field in self.fields if field.is_required]
        return schema | ({"required": required} if required else {})


def required_text(name: str, schema: Schema, description: str) -> Field[str]:
    """Return a field that is a text and must be there."""
    return Field(name=name, schema=schema, description=description, is_required=True, read=fields.required_text)


def optional_text(name: str, schema: Schema, description: str) -> Field[str | None]:
    """Return a field that is a text or is not given."""
    return Field(name=name, schema=or_null(schema), description=description, read=fields.text)


def required_object(name: str, description: str) -> Field[JsonObject]:
    """Return a field that is an object, whose own fields are read elsewhere, and must be there."""

    def read(given: JsonObject, field: str) -> JsonObject:
        value = given.get(field)
        if value is None:
            raise RefusedError(RefusalReason.field_is_missing, field=field)
        if not isinstance(value, dict):
            raise RefusedError(RefusalReason.field_is_invalid, field=field, expected="object")
        return value

    return Field(name=name, schema={"type": "object"}, description=description, is_required=True, read=read)


def flag(name: str, description: str) -> Field[bool]:
    """Return a field that is true or false, and false when it is not given."""
    schema = {"type": ["boolean", "null"], "default": False}
    return Field(name=name, schema=schema, description=description, read=fields.flag)


def time_ns(name: str, description: str) -> Field[int | None]:
    """Return a field that is a time with its zone, in UNIX nanoseconds, or is not given."""
    schema = {"type": ["string", "null"], "format": "date-time"}
    return Field(name=name, schema=schema, description=description, read=fields.time_ns)


def price(name: str, description: str) -> Field[int | None]:
    """Return a field of dollars per share, in cents."""
    return _amount(name, description, parse=parse_price)


def quantity(name: str, description: str) -> Field[int | None]:
    """Return a field of shares, in units of 1/10,000."""
    return _amount(name, description, parse=parse_quantity)


def money(name: str, description: str) -> Field[int | None]:
    """Return a field of dollars, in micro-dollars."""
    return _amount(name, description, parse=parse_money)


def words(name: str, allowed: Iterable[str], description: str) -> Field[tuple[str, ...] | None]:
    """Return a field that is an array of some words, none twice, or is not given."""
    known = tuple(allowed)

    def read(given: JsonObject, field: str) -> tuple[str, ...] | None:
        value = given.get(field)
        if value is None:
            return None
        if not isinstance(value, list) or not value or len(set(map(str, value))) != len(value):
            raise _not_words(field, known)
        if not all(isinstance(item, str) and item in known for item in value):
            raise _not_words(field, known)
        return tuple(value)

    items = {"type": "string", "enum": list(known)}
    schema = or_null({"type": "array", "items": items, "minItems": 1, "uniqueItems": True})
    return Field(name=name, schema=schema, description=description, read=read)


def one_of(allowed: Iterable[str]) -> Schema:
    """Return the schema of one of some words."""
    return {"type": "string", "enum": list(allowed)}


def or_null(schema: Schema) -> Schema:
    """Return the schema of the same or null, which is the same as not given."""
    return {"anyOf": [schema, _NULL]}


def _amount(name: str, description: str, *, parse: Callable[[str], int]) -> Field[int | None]:
    def read(given: JsonObject, field: str) -> int | None:
        return fields.amount(given, field, parse=parse)

    text = {"type": "string", "pattern": _DECIMAL_PATTERN, "maxLength": 64, "examples": ["2.5"]}
    schema = {"anyOf": [text, {"type": "number"}, _NULL]}
    return Field(name=name, schema=schema, description=description, read=read)


def _not_words(field: str, known: tuple[str, ...]) -> RefusedError:
    return RefusedError(RefusalReason.field_is_invalid, field=field, expected="array", allowed=", ".join(known))
