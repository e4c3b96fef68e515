"""One limit for all symbols together, and tokens that lead through all of them once."""

import pytest

from waiver_exchange.gateway.alpaca.data.paging import Part, Place, collect_page, place_of, token_of

HELD = {"A": [1, 2, 3], "B": [], "C": [4, 5], "D": [6]}


async def _read(symbol: str, cursor: int | None, limit: int) -> Part[int]:
    left = [number for number in HELD[symbol] if cursor is None or number > cursor]
    items = left[:limit]
    return Part(items, items[-1] if len(left) > limit else None)


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 6, 7])
async def test_a_walk_sees_everything_once_in_order(limit: int) -> None:
    seen: list[tuple[str, int]] = []
    place = None
    for _ in range(20):
        page = await collect_page(list(HELD), place=place, limit=limit, read=_read)
        assert sum(map(len, page.items.values())) <= limit
        seen += [(symbol, number) for symbol, numbers in page.items.items() for number in numbers]
        if page.next_page_token is None:
            break
        place = place_of(page.next_page_token)
        assert place is not None
    else:
        pytest.fail("the walk does not end")
    assert seen == [(symbol, number) for symbol, numbers in HELD.items() for number in numbers]


async def test_a_part_that_did_enough_work_ends_the_page() -> None:
    async def read(symbol: str, cursor: int | None, limit: int) -> Part[int]:
        assert (symbol, limit) == ("A", 100)
        return Part([1], 1) if cursor is None else Part([], 7)

    page = await collect_page(["A", "B"], place=None, limit=100, read=read)
    assert page.items == {"A": [1]}
    page = await collect_page(["A", "B"], place=place_of(page.next_page_token or ""), limit=100, read=read)
    assert (page.items, page.next_page_token) == ({}, token_of(Place("A", 7)))


@pytest.mark.parametrize("place", [Place("MAHOMES", None), Place("J.ALLEN", 0), Place("A/USD", 2**62)])
def test_a_token_says_its_place(place: Place) -> None:
    assert place_of(token_of(place)) == place


@pytest.mark.parametrize("token", ["", "x", "é", "QUJD", "=" * 40, "A" * 400, "fDE=", "QXx4", "QXwtMQ=="])
def test_what_is_no_token(token: str) -> None:
    assert place_of(token) is None
