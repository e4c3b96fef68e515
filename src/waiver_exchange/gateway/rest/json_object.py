"""A request's JSON object, strictly: numbers stay the text that was sent, and what is ambiguous is refused.

The standard library's decoder, because msgspec keeps only the last of two equal keys and does not say that there were
two.
"""

import json
from typing import Final

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
