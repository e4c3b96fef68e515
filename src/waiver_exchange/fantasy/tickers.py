"""The ticker of a player, chosen once from the name and then stored.

The choice depends on the tickers taken so far, so it is made once per player; nobody may compute it again later.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator
from typing import Final

from waiver_exchange.domain.limits import SYMBOL_LENGTH_MAX

# The number stands for namesakes with the same initial; more than this is a mistake in the input, not football.
NAMESAKES_MAX: Final = 999

_TICKER: Final = re.compile(rf"[A-Z0-9][A-Z0-9.]{{0,{SYMBOL_LENGTH_MAX - 1}}}")
# Trading libraries take a symbol with this ending for a crypto pair and cut the ending off.
_FORBIDDEN_ENDING: Final = "USD"
_GENERATIONS: Final = frozenset({"JR", "SR", "II", "III", "IV"})
# Unicode does not decompose these letters into a base letter and an accent, so they are folded by hand.
_UNDECOMPOSED: Final = str.maketrans({"Æ": "AE", "Ð": "D", "Đ": "D", "Ł": "L", "Ø": "O", "Œ": "OE", "Þ": "TH"})


class TickerError(ValueError):
    """No ticker can be given to this name."""


def is_ticker(symbol: str) -> bool:
    """Whether `symbol` is 1 to 20 of A-Z, 0-9 and the dot, starts with a letter or digit and does not end in USD."""
    return _TICKER.fullmatch(symbol) is not None and not symbol.endswith(_FORBIDDEN_ENDING)


def assign_ticker(name: str, taken: Collection[str]) -> str:
    """Return the first free ticker for the player `name`, given the tickers `taken`; store it, never compute it again.

    Tried in order: the surname (`MAHOMES`), initial and surname (`JALLEN`), then a number from 2 (`JALLEN2`). The first
    word is the given name and all that follows is the surname, so `Amon-Ra St. Brown` becomes `STBROWN`; a name of one
    word is its own surname. A generation suffix (Jr., Sr., II, III, IV) is dropped, accents are folded, and punctuation
    and spaces are dropped. A long surname is cut to fit 20 characters.

    Raises `TickerError` when the name has no letter A-Z or digit left after folding, or when every numbered ticker up
    to `NAMESAKES_MAX` is taken.
    """
    for candidate in _candidates(name):
        if is_ticker(candidate) and candidate not in taken:
            return candidate
    raise TickerError(f"all {NAMESAKES_MAX} tickers for the name {name!r} are taken")


def _candidates(name: str) -> Iterator[str]:
    """Yield the tickers to try, best first; each fits the length limit."""
    words = _words(name)
    surname = "".join(words[1:]) or words[0]
    yield surname[:SYMBOL_LENGTH_MAX]
    stem = surname
    if len(words) > 1:
        stem = words[0][0] + surname
        yield stem[:SYMBOL_LENGTH_MAX]
    for number in range(2, NAMESAKES_MAX + 1):
        suffix = str(number)
        yield stem[: SYMBOL_LENGTH_MAX - len(suffix)] + suffix


def _words(name: str) -> list[str]:
    """Return the words of a name in A-Z and 0-9, at least one, without the generation suffix."""
    words = [folded for word in name.split() if (folded := _fold(word))]
    # A player known only as "Junior II" keeps one word: a suffix is a suffix only behind a name.
    while len(words) > 1 and words[-1] in _GENERATIONS:
        words.pop()
    if not words:
        raise TickerError(f"the name {name!r} has no letter A-Z or digit")
    return words


def _fold(word: str) -> str:
    """Return the word in capitals without accents or punctuation; letters of other scripts are dropped."""
    decomposed = unicodedata.normalize("NFKD", word.upper().translate(_UNDECOMPOSED))
    return re.sub(r"[^A-Z0-9]", "", decomposed)
