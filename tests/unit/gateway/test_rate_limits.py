"""How often a key and an address may ask, by a clock that stands still until it is moved."""

import pytest

from tests.fakes.clock import FakeClock
from waiver_exchange.application.access import Caller
from waiver_exchange.application.ports import IdentityStore, RequestRates
from waiver_exchange.application.request_counts import LocalCounts
from waiver_exchange.config import RequestLimits
from waiver_exchange.gateway.rate_limits import HEALTH_PER_SECOND, UNPROVEN_PER_SECOND, RateLimits, RateRefusedError

ANN = Caller(account=2, key_id="WXANN", scopes=frozenset())
BOB = Caller(account=3, key_id="WXBOB", scopes=frozenset())
LIMITS = RequestLimits(
    orders_per_second=3, reads_per_second=5, address_requests_per_second=4, failed_authentications_per_minute=2
)


class Rates(IdentityStore):
    """Only what the operator set."""

    def __init__(self) -> None:
        self.rates: dict[int, RequestRates] = {}

    def find_rates(self, account: int) -> RequestRates | None:
        return self.rates.get(account)


class Desk:
    """Limits with a clock and an operator."""

    def __init__(self, limits: RequestLimits = LIMITS, *, tracked_max: int = 100) -> None:
        self.clock = FakeClock()
        self.identity = Rates()  # type: ignore[abstract]  # nothing else of it is asked for
        counts = LocalCounts(self.clock, tracked_max=tracked_max)
        self.limits = RateLimits(counts=counts, limits=limits, identity=self.identity)

    def orders_taken(self, tries: int, caller: Caller = ANN) -> int:
        return sum(self.is_taken(caller) for _ in range(tries))

    def is_taken(self, caller: Caller = ANN) -> bool:
        try:
            self.limits.take(caller=caller, kind="order")
        except RateRefusedError:
            return False
        return True


def test_a_limit_may_be_used_at_once_and_then_comes_back_evenly() -> None:
    desk = Desk()
    assert desk.orders_taken(10) == 3
    desk.clock.advance(0.34)
    assert desk.orders_taken(10) == 1
    desk.clock.advance(0.7)
    assert desk.orders_taken(10) == 2
    desk.clock.advance(3600)
    assert desk.orders_taken(10) == 3


def test_what_asks_for_much_counts_as_much_and_can_be_asked_with_any_limit() -> None:
    desk = Desk()
    desk.limits.take(address="203.0.113.7", kind="read")
    desk.limits.take(address="203.0.113.7", kind="read", count=250)
    with pytest.raises(RateRefusedError):
        desk.limits.take(address="203.0.113.7", kind="read")
    desk.limits.take(caller=ANN, kind="read", count=3)
    left = desk.limits.take(caller=ANN, kind="read")
    assert left is not None
    assert left.remaining == 1


def test_what_is_left_is_told_with_each_request() -> None:
    desk = Desk()
    left = [desk.limits.take(caller=ANN, kind="order") for _ in range(3)]
    assert [(told.limit, told.remaining) for told in left if told] == [(3, 2), (3, 1), (3, 0)]
    with pytest.raises(RateRefusedError) as refused:
        desk.limits.take(caller=ANN, kind="order")
    told = refused.value.allowance
    assert (told.limit, told.remaining, told.retry_after_s) == (3, 0, 1)
    assert told.reset_at_s == desk.clock.now // 10**9 + 1
    assert refused.value.details == {"limit": 3, "per": "key and second"}


def test_orders_and_reads_and_keys_are_counted_apart() -> None:
    desk = Desk()
    assert desk.orders_taken(10) == 3
    read = desk.limits.take(caller=ANN, kind="read")
    assert read is not None
    assert read.remaining == 4
    assert desk.orders_taken(10, BOB) == 3


def test_all_keys_and_sessions_of_an_account_share_a_limit() -> None:
    desk = Desk(RequestLimits(orders_per_second=3, account_orders_per_second=4))
    session = Caller(account=ANN.account, key_id="", scopes=frozenset(), session_id="5e55")
    assert desk.orders_taken(10) == 3
    assert desk.orders_taken(10, session) == 1
    with pytest.raises(RateRefusedError) as refused:
        desk.limits.take(caller=session, kind="order")
    assert refused.value.details == {"limit": 4, "per": "account and second"}
    assert desk.orders_taken(10, BOB) == 3


def test_an_account_may_do_as_much_as_five_of_its_keys_unless_somebody_says_otherwise() -> None:
    desk = Desk()
    assert desk.limits.limits_of(ANN.account, "order") == (3, 15)
    desk.identity.rates[ANN.account] = RequestRates(orders_per_second=10)
    assert desk.limits.limits_of(ANN.account, "order") == (10, 50)
    desk.identity.rates[ANN.account] = RequestRates(orders_per_second=0)
    assert desk.limits.limits_of(ANN.account, "order") == (0, 0)
    desk.identity.rates[ANN.account] = RequestRates(orders_per_second=0, account_orders_per_second=2)
    assert desk.orders_taken(10) == 2


def test_sign_ins_are_counted_by_the_minute_and_hold_up_nobody_who_is_signed_in() -> None:
    desk = Desk(RequestLimits(sign_ins_per_minute=2))
    desk.limits.take_sign_in("192.0.2.1")
    desk.limits.take_sign_in("192.0.2.1")
    with pytest.raises(RateRefusedError) as refused:
        desk.limits.take_sign_in("192.0.2.1")
    assert refused.value.details == {"limit": 2, "per": "address and minute, of sign-ins"}
    desk.limits.take_sign_in("192.0.2.2")
    desk.limits.take(address="192.0.2.1", kind="read")
    desk.limits.take(caller=ANN, kind="order")


def test_the_operator_changes_an_account_at_once() -> None:
    desk = Desk()
    assert desk.orders_taken(10) == 3
    desk.identity.rates[ANN.account] = RequestRates(orders_per_second=6)
    desk.clock.advance(1)
    assert desk.orders_taken(10) == 6
    assert desk.limits.limits_of(ANN.account, "read") == (5, 25)
    desk.identity.rates[ANN.account] = RequestRates(orders_per_second=0)
    assert desk.orders_taken(1_000) == 1_000
    assert desk.orders_taken(10, BOB) == 3


def test_nothing_is_told_where_there_is_no_limit() -> None:
    desk = Desk(RequestLimits(orders_per_second=0, address_requests_per_second=0, failed_authentications_per_minute=0))
    assert desk.limits.take(caller=ANN, kind="order") is None
    assert desk.limits.take(address="192.0.2.1", kind="read") is None
    assert desk.limits.take_failure("192.0.2.1") is None


def test_a_clock_that_is_set_back_locks_nobody_out() -> None:
    desk = Desk()
    assert desk.orders_taken(10) == 3
    desk.clock.advance(-3600)
    assert desk.orders_taken(10) == 3


def test_failures_are_counted_by_the_minute() -> None:
    desk = Desk()
    desk.limits.take_failure("192.0.2.1")
    desk.limits.take_failure("192.0.2.1")
    with pytest.raises(RateRefusedError) as refused:
        desk.limits.take_failure("192.0.2.1")
    assert refused.value.allowance.retry_after_s == 30
    desk.limits.take_failure("192.0.2.2")
    desk.limits.take(caller=ANN, kind="read")
    desk.clock.advance(30)
    desk.limits.take_failure("192.0.2.1")


def test_signatures_to_check_are_counted_for_each_key_that_an_address_names() -> None:
    desk = Desk()
    for _ in range(UNPROVEN_PER_SECOND):
        desk.limits.take_unproven("192.0.2.1", "WXANN")
    with pytest.raises(RateRefusedError) as refused:
        desk.limits.take_unproven("192.0.2.1", "WXANN")
    assert refused.value.allowance.retry_after_s == 1
    desk.limits.take_unproven("192.0.2.1", "WXBOB")
    desk.limits.take_unproven("192.0.2.2", "WXANN")
    desk.clock.advance(1)
    desk.limits.take_unproven("192.0.2.1", "WXANN")


def test_an_address_is_an_ipv4_address_or_an_ipv6_network() -> None:
    desk = Desk()
    for number in range(4):
        desk.limits.take(address=f"2001:db8::{number}", kind="read")
    with pytest.raises(RateRefusedError):
        desk.limits.take(address="2001:db8::ffff", kind="order")
    desk.limits.take(address="2001:db8:0:1::", kind="read")
    mapped = desk.limits.take(address="::ffff:192.0.2.1", kind="read")
    plain = desk.limits.take(address="192.0.2.1", kind="read")
    assert mapped is not None
    assert plain is not None
    assert (mapped.remaining, plain.remaining) == (3, 2)


def test_who_was_away_longest_is_forgotten_first() -> None:
    desk = Desk(tracked_max=2)
    callers = [Caller(account=number, key_id=f"WX{number}", scopes=frozenset()) for number in range(3)]
    assert desk.orders_taken(3, callers[0]) == 3
    assert desk.orders_taken(2, callers[1]) == 2
    assert not desk.is_taken(callers[0])
    assert desk.orders_taken(1, callers[2]) == 1
    assert desk.orders_taken(1, callers[1]) == 1
    assert desk.orders_taken(3, callers[0]) == 3


def test_looks_at_health_count_for_themselves_and_not_from_this_machine() -> None:
    desk = Desk()
    for _ in range(HEALTH_PER_SECOND):
        desk.limits.take_health("203.0.113.7")
    with pytest.raises(RateRefusedError):
        desk.limits.take_health("203.0.113.7")
    desk.limits.take_health("203.0.113.8")
    desk.limits.take(address="203.0.113.7", kind="read")
    for own in ("127.0.0.1", "::1", "::ffff:127.0.0.1"):
        for _ in range(HEALTH_PER_SECOND + 1):
            desk.limits.take_health(own)
