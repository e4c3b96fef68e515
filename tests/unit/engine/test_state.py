"""The canonical state: what it keeps, and which bytes are none."""

import pytest

from tests.support.engine_desk import SHARE, EngineDesk
from tests.support.trading import ANN, BOB, buy, sell
from waiver_exchange.domain.commands import CancelOrder, ConfigureExchange, ExchangeParameters, OpenAccount
from waiver_exchange.engine.engine import Engine
from waiver_exchange.engine.invariant import InvariantError
from waiver_exchange.engine.state import STATE_VERSION, StateError, load_state, state_bytes, state_hash

CASH_ISSUED_WORD = 2
COUNT_WORDS = {"accounts": 20, "markets": 21, "positions": 22, "free rows": 24, "open orders": 25, "limits": 26}


@pytest.fixture
def desk() -> EngineDesk:
    """An engine with a bit of everything: trades, fees, resting orders on both sides, freed rows."""
    desk = EngineDesk(ConfigureExchange(parameters=ExchangeParameters(maker_fee_bps=10, taker_fee_bps=30)))
    desk.place(sell(ANN, price=2_501, quantity=SHARE))
    desk.place(buy(BOB, price=2_501, quantity=SHARE // 3))
    ids = [desk.place(buy(BOB, price=2_400 + number % 3, quantity=7)) for number in range(9)]
    for order_id in (ids[4], ids[0], ids[8]):
        desk.run(CancelOrder(account=BOB, order_id=order_id))
    return desk


def with_word(state: bytes, word: int, value: int) -> bytes:
    return state[: word * 8] + value.to_bytes(8, "little", signed=True) + state[word * 8 + 8 :]


def word_of(state: bytes, word: int) -> int:
    return int.from_bytes(state[word * 8 : word * 8 + 8], "little", signed=True)


def test_a_loaded_state_is_the_same_state(desk: EngineDesk) -> None:
    state = state_bytes(desk.engine)
    loaded = load_state(state)
    assert state_bytes(loaded) == state
    assert state_hash(loaded) == state_hash(desk.engine)
    assert word_of(state, 0) == STATE_VERSION


def test_a_fresh_engine_can_be_stored_too() -> None:
    state = state_bytes(Engine())
    assert state_bytes(load_state(state)) == state


def test_a_loaded_engine_answers_alike_and_reuses_the_same_rows(desk: EngineDesk) -> None:
    loaded = load_state(state_bytes(desk.engine))
    commands = desk.encode(
        *(buy(BOB, price=2_450 + number, quantity=11) for number in range(5)),
        sell(ANN, price=2_400, quantity=SHARE),
        OpenAccount(),
    )
    desk.engine.discard_events()
    for engine in (desk.engine, loaded):
        engine.execute_batch(commands)
    assert loaded.take_events() == desk.engine.take_events()
    assert state_bytes(loaded) == state_bytes(desk.engine)


def test_the_hash_tells_states_apart(desk: EngineDesk) -> None:
    before = state_hash(desk.engine)
    assert len(before) == 64
    desk.run(buy(BOB, price=2_400, quantity=1))
    assert state_hash(desk.engine) != before


def test_every_truncation_is_refused(desk: EngineDesk) -> None:
    state = state_bytes(desk.engine)
    for length in [*range(0, len(state), 8), *range(len(state) - 8, len(state)), 1, 7, 199]:
        with pytest.raises(StateError):
            load_state(state[:length])


@pytest.mark.parametrize("surplus", [1, 7, 8, 80])
def test_bytes_behind_the_end_are_refused(desk: EngineDesk, surplus: int) -> None:
    with pytest.raises(StateError, match="length"):
        load_state(state_bytes(desk.engine) + bytes(surplus))


@pytest.mark.parametrize("version", [0, STATE_VERSION + 1, -1, 2**62])
def test_another_version_is_refused(desk: EngineDesk, version: int) -> None:
    with pytest.raises(StateError, match="version"):
        load_state(with_word(state_bytes(desk.engine), 0, version))


@pytest.mark.parametrize("count", COUNT_WORDS)
@pytest.mark.parametrize("change", [1, -1])
def test_a_count_that_does_not_fit_the_length_is_refused(desk: EngineDesk, count: str, change: int) -> None:
    state = state_bytes(desk.engine)
    word = COUNT_WORDS[count]
    with pytest.raises(StateError, match="length"):
        load_state(with_word(state, word, word_of(state, word) + change))


def test_a_state_whose_totals_disagree_stops_the_process(desk: EngineDesk) -> None:
    state = state_bytes(desk.engine)
    more = with_word(state, CASH_ISSUED_WORD, word_of(state, CASH_ISSUED_WORD) + 1)
    with pytest.raises(InvariantError, match="cash held equals cash issued"):
        load_state(more)
