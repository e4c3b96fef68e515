"""A request's JSON object, strictly: numbers stay the text that was sent, and what is ambiguous is refused.

The standard library's decoder has the say. msgspec reads a plain object several times faster, but keeps only the last
of two equal keys without a word: it is used where the number of quotes proves that there were none.
"""

import json
from typing import Final

import msgspec

from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.refusals import RefusalReason


class NumberText(str):
    """A JSON number as it was written; it never was a binary float."""

    __slots__ = ()


JsonObject = dict[str, object]

NOTHING_GIVEN: Final[JsonObject] = {}
_QUOTED_MAX: Final = 60


def decode_object(body: bytes) -> JsonObject:
    """Return the object of a body in UTF-8. Raises `RefusedError`: `request_is_malformed`."""
    plain = _decode_plain(body)
    return _decode_strictly(body) if plain is None else plain


def _decode_plain(body: bytes) -> JsonObject | None:
    """Return an object without escapes, arrays and twice given fields, at most one object in it; None for any other."""
    if b"\\" in body or b"-0" in body:  # minus zero is no integer of Python
        return None
    try:
        found: JsonObject = _PLAIN_DECODER.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    # Without escapes every key has two quotes, and every string; a key that was given twice leaves some over.
    quoted = len(found)
    for name, value in found.items():
        kind = type(value)
        if kind is str:
            quoted += 1
        elif kind is dict:
            inner: JsonObject = value  # type: ignore[assignment]  # as its type says
            quoted += len(inner)
            for inner_name, inner_value in inner.items():
                inner_kind = type(inner_value)
                if inner_kind is str:
                    quoted += 1
                elif inner_kind is int:
                    inner[inner_name] = NumberText(inner_value)
                elif inner_kind is list or inner_kind is dict:
                    return None
        elif kind is int:
            found[name] = NumberText(value)
        elif kind is list:
            return None
    return found if body.count(b'"') == 2 * quoted else None


def _decode_strictly(body: bytes) -> JsonObject:
    try:
        text = body.decode()
        value = _DECODER.decode(text)
        if "\\u" in text:
            # An escaped half of a surrogate pair is no text: nobody could store it or send it back.
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeError as error:
        raise _malformed("The text is not valid UTF-8.") from error
    except RecursionError as error:
        raise _malformed("The values are nested too deeply.") from error
    except json.JSONDecodeError as error:
        raise _malformed(f"{error.msg} (character {error.pos}).") from error
    if not isinstance(value, dict):
        raise _malformed("The body is not a JSON object.")
    return value


def _unique(pairs: list[tuple[str, object]]) -> JsonObject:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _malformed(f"The field {twice[:_QUOTED_MAX]!a} occurs more than once.")
    return found


def _refuse_constant(name: str) -> object:
    raise _malformed(f"{name} is no JSON value.")


def _malformed(problem: str) -> RefusedError:
    return RefusedError(RefusalReason.request_is_malformed, problem=problem)


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=NumberText, parse_int=NumberText, parse_constant=_refuse_constant
)
# Of numbers only those are decoded as binary floats that the hook does not get; there are none.
_PLAIN_DECODER: Final = msgspec.json.Decoder(dict[str, object], float_hook=NumberText)
