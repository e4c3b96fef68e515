"""Symbols as clients write them: the exchange's own, and where they expect crypto pairs also `SYMBOL/USD`."""

import re
from typing import Final

_SYMBOL: Final = re.compile(r"[A-Z0-9][A-Z0-9.]{0,19}", re.ASCII)
QUOTE_SUFFIX: Final = "/USD"


def own_symbol(name: str, *, is_pair_allowed: bool) -> str | None:
    """Return the exchange's symbol of what a client asked for, or None when it is no symbol at all."""
    symbol = name.removesuffix(QUOTE_SUFFIX) if is_pair_allowed else name
    return symbol if _SYMBOL.fullmatch(symbol) else None
