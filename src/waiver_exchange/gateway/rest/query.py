"""What follows the question mark of a route: each parameter known and given once."""

from collections.abc import Container
from typing import Final
from urllib.parse import parse_qsl

from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.refusals import RefusalReason

_PARAMETERS_MAX: Final = 16
_QUOTED_MAX: Final = 60


def read_query(raw: bytes, *, known: Container[str], ignores_unknown: bool = False) -> dict[str, str]:
    """Return the parameters of a query. Raises `RefusedError`."""
    try:
        pairs = parse_qsl(raw.decode("latin-1"), keep_blank_values=True, max_num_fields=_PARAMETERS_MAX)
    except ValueError as error:
        raise RefusedError(RefusalReason.field_is_invalid, field="query") from error
    query: dict[str, str] = {}
    for name, value in pairs:
        if name not in known:
            if ignores_unknown:
                continue
            raise RefusedError(RefusalReason.field_is_unknown, field=name[:_QUOTED_MAX])
        if name in query:
            raise RefusedError(RefusalReason.field_is_invalid, field=name, problem="It is given more than once.")
        query[name] = value
    return query
