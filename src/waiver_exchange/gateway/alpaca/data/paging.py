"""Pages over several symbols: sorted by symbol, then time, with one limit for all of them together."""

import base64
import binascii
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, NamedTuple, TypeVar

Item = TypeVar("Item")

_TOKEN_LENGTH_MAX: Final = 200
_CURSOR_DIGITS_MAX: Final = 19


class Part(NamedTuple, Generic[Item]):
    """Items of one symbol and the cursor that continues behind them, None when there are no more."""

    items: Sequence[Item]
    cursor: int | None


class Place(NamedTuple):
    """Where a page begins: in a symbol, behind a cursor, or at its beginning."""

    symbol: str
    cursor: int | None


class Page(NamedTuple, Generic[Item]):
    """The items by symbol, none of them empty, and the token of the next page."""

    items: dict[str, Sequence[Item]]
    next_page_token: str | None


ReadPart = Callable[[str, int | None, int], Awaitable[Part[Item]]]


async def collect_page(symbols: Sequence[str], *, place: Place | None, limit: int, read: ReadPart[Item]) -> Page[Item]:
    """Return up to `limit` items of the sorted symbols; `read` is asked for a symbol, a cursor and a limit.

    A part that ends before its limit with a cursor has done as much as one request may: the page ends with it.
    """
    items: dict[str, Sequence[Item]] = {}
    room = limit
    for symbol in symbols:
        if place is not None and symbol < place.symbol:
            continue
        if room == 0:
            return Page(items, token_of(Place(symbol, None)))
        cursor = place.cursor if place is not None and symbol == place.symbol else None
        part = await read(symbol, cursor, room)
        if part.items:
            items[symbol] = part.items
        if part.cursor is not None:
            return Page(items, token_of(Place(symbol, part.cursor)))
        room -= len(part.items)
    return Page(items, None)


def token_of(place: Place) -> str:
    """Return the text by which the next page is asked for; to its reader it has no meaning."""
    cursor = "" if place.cursor is None else str(place.cursor)
    return base64.urlsafe_b64encode(f"{place.symbol}|{cursor}".encode()).decode()


def place_of(token: str) -> Place | None:
    """Return what a token says, or None when it is none of ours."""
    if len(token) > _TOKEN_LENGTH_MAX:
        return None
    try:
        text = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True).decode("ascii")
    except (ValueError, binascii.Error):
        return None
    symbol, separator, cursor = text.partition("|")
    if not separator or not symbol:
        return None
    if not cursor:
        return Place(symbol, None)
    is_number = cursor.isdigit() and len(cursor) <= _CURSOR_DIGITS_MAX
    return Place(symbol, int(cursor)) if is_number else None
