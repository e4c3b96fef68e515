"""The real engine on the small exchange of `tests.support.trading`, one command at a time."""

from tests.support.trading import MAHOMES, SETUP
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import Command, PlaceOrder, PlaceStopOrder, encode_command, pack_terms
from waiver_exchange.domain.events import Event, OrderAccepted, decode_events
from waiver_exchange.engine.engine import Engine

START_NS = 1_788_739_200_000_000_000
SECOND_NS = 1_000_000_000
SHARE = 10_000


class EngineDesk:
    """The house (1), Ann (2, with 100 shares) and Bob (3), $1,000 each, and Mahomes (1) at $25.00.

    Every command is stamped with `now`, which only the test moves.
    """

    def __init__(self, *commands: Command) -> None:
        self.engine = Engine()
        self.now = START_NS
        self.run(*SETUP, *commands)

    def execute(self, command: Command) -> int:
        """The outcome of a command; its events stay to be taken."""
        return int(self.engine.execute(self.encode(command)))

    def run(self, *commands: Command) -> list[Event]:
        """The events of commands executed one by one."""
        self.engine.take_events()
        for command in commands:
            self.execute(command)
        return list(decode_events(self.engine.take_events()))

    def place(self, order: PlaceOrder) -> int:
        """The id of an order that must be accepted."""
        accepted = self.run(order)[0]
        assert isinstance(accepted, OrderAccepted), accepted
        return accepted.order_id

    def encode(self, *commands: Command) -> bytes:
        """Commands stamped with the time that it is now."""
        return b"".join(encode_command(command, time_ns=self.now) for command in commands)


def terms(
    side: int,
    *,
    order_type: int = codes.LIMIT,
    time_in_force: int = codes.GTC,
    self_trade: int = codes.CANCEL_NEWEST,
    post_only: bool = False,
) -> int:
    """The terms of a resting limit order, changed by what is given."""
    return pack_terms(
        side=side, order_type=order_type, time_in_force=time_in_force, self_trade=self_trade, post_only=post_only
    )


def stop(
    account: int,
    side: int,
    *,
    at: int,
    quantity: int = SHARE,
    limit: int = 0,
    time_in_force: int = codes.GTC,
    self_trade: int = codes.CANCEL_NEWEST,
    post_only: bool = False,
    expires_at_ns: int = 0,
) -> PlaceStopOrder:
    """A stop order, or with a limit a stop_limit order."""
    return PlaceStopOrder(
        account=account,
        market=MAHOMES,
        terms=terms(
            side,
            order_type=codes.STOP_LIMIT if limit else codes.STOP,
            time_in_force=time_in_force,
            self_trade=self_trade,
            post_only=post_only,
        ),
        quantity_units=quantity,
        stop_price_cents=at,
        price_cents=limit,
        expires_at_ns=expires_at_ns,
    )
