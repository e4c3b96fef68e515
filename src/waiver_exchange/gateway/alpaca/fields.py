"""The fields of a JSON body, read leniently: a field that is null or empty was not given, unknown ones are ignored."""

from collections.abc import Callable
from typing import Final

from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.money import InvalidAmountError
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.alpaca.errors import invalid
from waiver_exchange.gateway.rest import fields
from waiver_exchange.gateway.rest.context import AnyRequest
from waiver_exchange.gateway.rest.json_object import JsonObject, NumberText, decode_object

_QUOTED_MAX: Final = 40
_BOOLEANS: Final = {"true": True, "false": False}


async def body_of(request: AnyRequest) -> JsonObject:
    """Return the JSON object of a body, whatever its content type says. Raises `RefusedError`."""
    return decode_object(await request.body())


def text(given: JsonObject, name: str) -> str | None:
    """Return a text, or None when it is not given. Raises `AlpacaError`."""
    value = given.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or isinstance(value, NumberText):
        raise invalid(f"invalid {name}: expected a string")
    return value


def word(given: JsonObject, name: str, *, allowed: tuple[str, ...]) -> str | None:
    """Return one of some words, in lower case, or None when it is not given. Raises `AlpacaError`."""
    value = text(given, name)
    if value is not None and value.lower() not in allowed:
        raise invalid(f"invalid {name} {value[:_QUOTED_MAX]!a}: must be one of {', '.join(allowed)}")
    return None if value is None else value.lower()


def required_word(given: JsonObject, name: str, *, allowed: tuple[str, ...]) -> str:
    """Return one of some words, in lower case. Raises `AlpacaError`."""
    value = word(given, name, allowed=allowed)
    if value is None:
        raise invalid(f"{name} is required")
    return value


def flag(given: JsonObject, name: str) -> bool | None:
    """Return a boolean, or None when it is not given. Raises `AlpacaError`."""
    value = given.get(name)
    if isinstance(value, str):
        value = None if value == "" else _BOOLEANS.get(value.lower(), value)
    if value is None or isinstance(value, bool):
        return value
    raise invalid(f"invalid {name}: expected a boolean")


def amount(given: JsonObject, name: str, *, parse: Callable[[str], int]) -> int | None:
    """Return an amount given as a number or text, read digit by digit, or None. Raises `RefusedError`."""
    value = given.get(name)
    if value is None or value == "":
        return None
    try:
        return fields.amount({name: value}, name, parse=parse)
    except RefusedError as refused:
        if isinstance(value, str):
            raise RefusedError(refused.reason, **refused.details | {"value": value[:_QUOTED_MAX]}) from refused
        raise


def amount_of_text(value: str, name: str, *, parse: Callable[[str], int]) -> int:
    """Return an amount given in a query. Raises `RefusedError`."""
    try:
        return parse(value)
    except InvalidAmountError as error:
        raise RefusedError(error.reason, field=name, value=value[:_QUOTED_MAX]) from error


def texts(given: JsonObject, name: str) -> list[str] | None:
    """Return a list of texts, or None when it is not given. Raises `AlpacaError`."""
    value = given.get(name)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise invalid(f"invalid {name}: expected an array of strings")
    return [str(item) for item in value]


def required(value: object, name: str) -> None:
    """Refuse what is missing. Raises `RefusedError`."""
    if value is None:
        raise RefusedError(RefusalReason.field_is_missing, field=name)
