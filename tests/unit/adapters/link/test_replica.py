"""What a gateway's memory lets go of, and when."""

from tests.fakes.clock import FakeClock
from tests.support.trading import ANN, BOB, MAHOMES, FoldedExchange, buy, sell
from waiver_exchange.adapters.link.remote_sequencer import RemoteSequencer
from waiver_exchange.adapters.link.replica import KnownIdentity, Replica
from waiver_exchange.application.access_tokens import AccessTokens

HOUR_NS = 3_600_000_000_000


def replica_of(exchange: FoldedExchange) -> Replica:
    known = KnownIdentity()
    tokens = AccessTokens(store=known.signing_keys, clock=FakeClock(), draw_bytes=bytes, public_url="http://localhost")
    sequencer = RemoteSequencer(exchange.projector, chain=bytes(32))
    return Replica(exchange.projector, sequencer=sequencer, known=known, tokens=tokens)


def trade(exchange: FoldedExchange, *, time_ns: int) -> None:
    exchange.run(sell(ANN, price=2_500, quantity=100), buy(BOB, price=2_500, quantity=100), time_ns=time_ns)


def test_an_hour_of_trades_stays_until_history_has_the_last_of_them() -> None:
    exchange = FoldedExchange()
    replica = replica_of(exchange)
    hours = exchange.state.candles[MAHOMES].hours
    start = -(-exchange.state.time_ns // HOUR_NS) * HOUR_NS
    trade(exchange, time_ns=start)
    replica.take_changes()
    first_stored = replica.sequence
    trade(exchange, time_ns=start + 1)
    replica.take_changes()
    trade(exchange, time_ns=start + HOUR_NS)
    replica.take_changes()
    last = replica.sequence
    assert [hour.trades for hour in hours] == [2, 1]
    # History has the hour as it was after the first trade.
    replica.forget(first_stored)
    assert [hour.trades for hour in hours] == [2, 1]
    replica.take_changes()
    replica.forget(last)
    assert [hour.trades for hour in hours] == [1]
