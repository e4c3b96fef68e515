"""What follows the question mark of a route: each parameter known, given once and inside its bounds."""

import re
from typing import Final
from urllib.parse import parse_qsl

from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.ids import IdKind, from_uuid, to_uuid
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest.context import AnyRequest

LIMIT_DEFAULT: Final = 100
LIMIT_MAX: Final = 500
_PARAMETERS_MAX: Final = 16
_QUOTED_MAX: Final = 60
_WHOLE: Final = re.compile(r"[0-9]{1,6}", re.ASCII)

Query = dict[str, str]


def query_of(request: AnyRequest, *known: str) -> Query:
    """Return the parameters of a request. Raises `RefusedError`."""
    raw: bytes = request.scope["query_string"]
    try:
        pairs = parse_qsl(raw.decode("latin-1"), keep_blank_values=True, max_num_fields=_PARAMETERS_MAX)
    except ValueError as error:
        raise RefusedError(RefusalReason.field_is_invalid, field="query") from error
    query: Query = {}
    for name, value in pairs:
        if name not in known:
            raise RefusedError(RefusalReason.field_is_unknown, field=name[:_QUOTED_MAX])
        if name in query:
            raise RefusedError(RefusalReason.field_is_invalid, field=name, problem="It is given more than once.")
        query[name] = value
    return query


def whole_number(query: Query, name: str, *, default: int, largest: int) -> int:
    """Return a whole number from 1 to `largest`. Raises `RefusedError`."""
    value = query.get(name)
    if value is None:
        return default
    number = int(value) if _WHOLE.fullmatch(value) else 0
    if not 1 <= number <= largest:
        raise RefusedError(RefusalReason.field_is_invalid, field=name, expected=f"a whole number from 1 to {largest}")
    return number


def cursor_of(query: Query) -> int | None:
    """Return the order that a page continues behind. Raises `RefusedError`."""
    value = query.get("cursor")
    if value is None:
        return None
    order_id = from_uuid(IdKind.order, value)
    if order_id is None:
        raise RefusedError(RefusalReason.field_is_invalid, field="cursor", expected="the next_cursor of another page")
    return order_id


def cursor_text(order_id: int | None) -> str | None:
    """Return the text by which the next page is asked for; to its reader it has no meaning."""
    return None if order_id is None else str(to_uuid(IdKind.order, order_id))
