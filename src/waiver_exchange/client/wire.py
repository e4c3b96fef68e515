"""From Python to the exchange's JSON and back, the same over REST and WebSocket."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec

from waiver_exchange.client.errors import ApiError, UnexpectedAnswerError
from waiver_exchange.client.timestamps import Timestamp, time_text

_T = TypeVar("_T")
_QUOTED_MAX: Final = 200
_decoders: dict[object, msgspec.json.Decoder[Any]] = {}  # as many as there are kinds of answers


class ErrorBody(msgspec.Struct, frozen=True):
    """A refusal as it stands in an answer."""

    code: str
    message: str
    details: dict[str, Any] = {}


class _ErrorAnswer(msgspec.Struct, frozen=True):
    error: ErrorBody


def encode(value: object) -> bytes:
    """Return the JSON of a value."""
    return msgspec.json.encode(value)


def decode(body: bytes | msgspec.Raw, kind: type[_T]) -> _T:
    """Return the JSON as a value of the kind. Raises `UnexpectedAnswerError`."""
    try:
        value: _T = _decoder(kind).decode(body)
    except msgspec.MsgspecError as error:
        raise UnexpectedAnswerError(f"the answer is not {kind}: {error}: {bytes(body)[:_QUOTED_MAX]!r}") from error
    return value


def refusal_of(
    body: bytes, *, status: int, request_id: str | None, retry_after: str | None
) -> ApiError | UnexpectedAnswerError:
    """Return what an answer that is no success says."""
    try:
        error = _decoder(_ErrorAnswer).decode(body).error
    except msgspec.MsgspecError:
        return UnexpectedAnswerError(f"HTTP {status} without a refusal: {body[:_QUOTED_MAX]!r}", status=status)
    return ApiError(
        error.code,
        error.message,
        details=error.details,
        status=status,
        request_id=request_id,
        retry_after_seconds=_seconds(retry_after),
    )


def plain(fields: Mapping[str, object]) -> dict[str, object]:
    """Return what is given, in the form of JSON. Raises `TypeError` for a float."""
    return {name: plain_value(name, value) for name, value in fields.items() if value is not None}


def plain_value(name: str, value: object) -> object:
    """Return one value in the form of JSON: decimals and times as text."""
    match value:
        case float():
            raise TypeError(f"{name} is a float, which cannot say what was meant; give a Decimal or a string")
        case Decimal():
            return f"{value:f}"
        case datetime():
            return time_text(value)
        case _:
            return value


def query_text(fields: Mapping[str, object]) -> dict[str, str]:
    """Return what is given as the parameters of a query."""
    return {name: _query_value(value) for name, value in plain(fields).items()}


def _query_value(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case list() | tuple():
            return ",".join(str(item) for item in value)
        case _:
            return str(value)


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isascii() and text.isdigit() else None


def _decoder(kind: type[_T]) -> msgspec.json.Decoder[_T]:
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind, dec_hook=_decode_unknown)
    return decoder


def _decode_unknown(kind: type, value: object) -> object:
    if kind is Timestamp and isinstance(value, str):
        return Timestamp.parse(value)
    raise NotImplementedError(kind)
