import time

from waiver_exchange.adapters.system.clock import SystemClock


def test_clock_shows_unix_time_in_nanoseconds() -> None:
    before = time.time_ns()
    assert before <= SystemClock().now_ns() <= time.time_ns()
