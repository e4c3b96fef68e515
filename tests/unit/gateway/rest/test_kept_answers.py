from collections.abc import Iterator

from tests.fakes.clock import FakeClock
from waiver_exchange.gateway.rest.kept_answers import KeptAnswers


def numbered() -> Iterator[bytes]:
    number = 0
    while True:
        yield str(number).encode()
        number += 1


def test_an_answer_is_kept_for_a_second() -> None:
    clock = FakeClock()
    answers, made = KeptAnswers(clock, timer_ns=lambda: 0), numbered()
    assert [answers.get("a", made.__next__) for _ in range(3)] == [b"0", b"0", b"0"]
    clock.advance(0.9)
    assert answers.get("a", made.__next__) == b"0"
    clock.advance(0.2)
    assert answers.get("a", made.__next__) == b"1"
    assert answers.get("b", made.__next__) == b"2"


def test_a_dear_answer_is_kept_longer() -> None:
    clock, times = FakeClock(), iter([0, 20_000_000, 100_000_000, 100_000_000])
    answers, made = KeptAnswers(clock, timer_ns=lambda: next(times)), numbered()
    assert answers.get("a", made.__next__) == b"0"
    clock.advance(1.9)
    assert answers.get("a", made.__next__) == b"0"
    clock.advance(0.2)
    assert answers.get("a", made.__next__) == b"1"


def test_no_answer_is_kept_for_more_than_three_seconds() -> None:
    clock, times = FakeClock(), iter([0, 10**9, 2 * 10**9, 2 * 10**9])
    answers, made = KeptAnswers(clock, timer_ns=lambda: next(times)), numbered()
    assert answers.get("a", made.__next__) == b"0"
    clock.advance(2.9)
    assert answers.get("a", made.__next__) == b"0"
    clock.advance(0.2)
    assert answers.get("a", made.__next__) == b"1"


def test_a_clock_that_is_set_back_keeps_nothing() -> None:
    clock = FakeClock()
    answers, made = KeptAnswers(clock, timer_ns=lambda: 0), numbered()
    assert answers.get("a", made.__next__) == b"0"
    clock.advance(-3600)
    assert answers.get("a", made.__next__) == b"1"
