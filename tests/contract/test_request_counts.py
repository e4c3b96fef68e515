"""What all request counts must do, run in memory and through a real Redis, by a clock that tests move."""

from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from tests.fakes.clock import FakeClock
from tests.support.redis_server import RedisServer, running_redis
from waiver_exchange.adapters.redis.request_counts import RedisCounts
from waiver_exchange.application.request_counts import Charge, LocalCounts, RequestCounts, charge_of

SECOND = 1_000_000_000
Open = Callable[[], RequestCounts]


def order(name: str = "WXANN", *, limit: int = 3, requests: int = 1) -> Charge:
    return charge_of("order", name, limit=limit, window_ns=SECOND, requests=requests)


def of_account(limit: int = 5) -> Charge:
    return charge_of("account_order", "2", limit=limit, window_ns=SECOND)


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["memory", "redis"])
async def counts(request: pytest.FixtureRequest, clock: FakeClock) -> AsyncIterator[RequestCounts]:
    made: RequestCounts
    if request.param == "memory":
        made = LocalCounts(clock)
    else:
        server: RedisServer = request.getfixturevalue("redis_server")
        made = RedisCounts(server.url, clock=clock, shared_clock=clock, prefix=request.node.name)
        await made.start()
        assert made.warning is None
    yield made
    await made.close()


async def taken(counts: RequestCounts, tries: int, *charges: Charge) -> int:
    """How many of so many tries are taken, each known everywhere before the next one."""
    number = 0
    for _ in range(tries):
        number += counts.take(*charges).is_taken
        await counts.settle()
    return number


async def test_a_limit_may_be_used_at_once_and_then_comes_back_evenly(counts: RequestCounts, clock: FakeClock) -> None:
    assert await taken(counts, 10, order()) == 3
    clock.advance(0.34)
    assert await taken(counts, 10, order()) == 1
    clock.advance(0.7)
    assert await taken(counts, 10, order()) == 2
    clock.advance(3_600)
    assert await taken(counts, 10, order()) == 3


async def test_names_and_groups_have_nothing_to_do_with_each_other(counts: RequestCounts) -> None:
    assert await taken(counts, 10, order()) == 3
    assert await taken(counts, 10, order("WXBOB")) == 3
    assert await taken(counts, 10, charge_of("read", "WXANN", limit=4, window_ns=SECOND)) == 4


async def test_several_charges_are_taken_together_or_not_at_all(counts: RequestCounts) -> None:
    both = (order(limit=3), of_account())
    assert await taken(counts, 4, *both) == 3
    refused = counts.take(*both)
    assert (refused.is_taken, refused.charge) == (False, both[0])
    # The refused one did not count for the account: two are left of five.
    assert await taken(counts, 4, order("WXOTHER"), of_account()) == 2
    last = counts.take(order("WXOTHER"), of_account())
    assert (last.is_taken, last.charge) == (False, of_account())
    assert await taken(counts, 4, order("WXOTHER")) == 1


async def test_admitting_counts_as_taking_does_and_tells_only_of_what_is_refused(counts: RequestCounts) -> None:
    both = (order(limit=3), of_account())
    told = []
    for _ in range(5):
        told.append(counts.admit(both))
        await counts.settle()
    assert told[:3] == [None, None, None]
    refused = [(each.is_taken, each.charge, each.retry_after_s) for each in told if each is not None]
    assert refused == [(False, both[0], 1)] * 2
    # What was refused was not counted, what was admitted was: three of the account's five.
    assert await taken(counts, 4, of_account()) == 2


async def test_what_is_left_is_that_of_the_charge_with_least_left(counts: RequestCounts, clock: FakeClock) -> None:
    told = [counts.take(order(), of_account(limit=9)) for _ in range(4)]
    assert [(each.limit, each.remaining, each.retry_after_s) for each in told] == [
        (3, 2, 0),
        (3, 1, 0),
        (3, 0, 0),
        (3, 0, 1),
    ]
    assert told[-1].reset_at_s == clock.now // SECOND + 1


async def test_what_asks_for_much_counts_as_much_and_can_be_asked_with_any_limit(counts: RequestCounts) -> None:
    assert await taken(counts, 1, order(limit=10, requests=8)) == 1
    assert await taken(counts, 5, order(limit=10)) == 2
    assert await taken(counts, 1, order("WXBOB", limit=3, requests=250)) == 1
    assert await taken(counts, 3, order("WXBOB")) == 1


async def test_a_clock_that_is_set_back_locks_nobody_out(counts: RequestCounts, clock: FakeClock) -> None:
    assert await taken(counts, 10, order()) == 3
    clock.advance(-3_600)
    assert await taken(counts, 10, order()) == 3


async def test_a_limit_that_is_raised_holds_from_its_next_window(counts: RequestCounts, clock: FakeClock) -> None:
    assert await taken(counts, 10, order(limit=3)) == 3
    clock.advance(1)
    assert await taken(counts, 10, order(limit=6)) == 6
