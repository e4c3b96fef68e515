"""Names what stops, triggers and replacements led to, so that tests can prove that each of it occurs."""

from collections import Counter
from collections.abc import Iterator, Sequence

from tests.model.view import MarketView, OpenOrder
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import CommandRecord, ExchangeParameters, decode_command
from waiver_exchange.domain.events import (
    BookLevelChanged,
    CommandRefused,
    Event,
    ExchangeConfigured,
    ExchangeResumed,
    MarketHalted,
    MarketResumed,
    OrderAccepted,
    OrderCancelled,
    OrderDenied,
    OrderExpired,
    OrderFilled,
    OrderReplaced,
    OrderTriggered,
    StopOrderAccepted,
    TradeExecuted,
)
from waiver_exchange.domain.refusals import CancelReason, RefusalReason

REPLACED_FIELDS = ("quantity", "price", "stop price", "expiry", "time in force")
_REFUSALS = {int(reason): reason.name for reason in RefusalReason}
_CANCELS = {int(reason): reason.name for reason in CancelReason}
_COMMANDS = {codes.PLACE_STOP_ORDER: "stop", codes.REPLACE_ORDER: "replace"}
_TYPES = {codes.LIMIT: "limit", codes.STOP: "stop", codes.STOP_LIMIT: "stop_limit"}


class Situations:
    """Follows commands and their events and counts what they show; `counts` has a sentence for each."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._view = MarketView()
        self._parameters: ExchangeParameters | ExchangeConfigured = ExchangeParameters()
        self._accepted_under: dict[int, ExchangeParameters | ExchangeConfigured] = {}  # of held orders

    def see(self, command: bytes, events: Sequence[Event]) -> None:
        """Count what a command and its events show."""
        record = decode_command(command)
        for number, event in enumerate(events):
            for sentence in self._sentences(record, event, events[number + 1 :]):
                self.counts[sentence] += 1
            self._view.observe((event,))
        for sentence in self._sentences_of_all(events):
            self.counts[sentence] += 1

    def _sentences(self, record: CommandRecord, event: Event, rest: Sequence[Event]) -> Iterator[str]:
        match event:
            case ExchangeConfigured():
                self._parameters = event
            case OrderDenied() | CommandRefused():
                if record.kind in _COMMANDS:
                    yield f"{_COMMANDS[record.kind]} refused: {_REFUSALS[event.reason]}"
            case StopOrderAccepted():
                self._accepted_under[event.order_id] = self._parameters
            case OrderTriggered():
                yield from self._triggered(event, rest)
            case OrderReplaced():
                yield from _replaced(self._view.open[event.order_id], record, rest)
            case OrderExpired() | OrderCancelled():
                order = self._view.open.get(event.order_id)
                if order is not None and order.is_held:
                    yield f"held {_TYPES[order.type]}: {_end_of(event)}"
            case _:
                pass

    def _triggered(self, event: OrderTriggered, rest: Sequence[Event]) -> Iterator[str]:
        order, then = self._view.open[event.order_id], self._accepted_under[event.order_id]
        what = f"triggered {_TYPES[order.type]}"
        yield f"{what}: {_outcome(event.order_id, rest)}"
        if _trades_of(event.order_id, rest):
            if self._parameters.taker_fee_bps > max(then.maker_fee_bps, then.taker_fee_bps):
                yield f"{what}: pays no more than was reserved"
            if self._parameters.taker_fee_bps < then.taker_fee_bps:
                yield f"{what}: pays less than when it was accepted"
        if order.type == codes.STOP and self._parameters.collar_bps != then.collar_bps:
            yield f"{what}: the collar has changed"
        if ("account", event.account) in self._view.halted:
            yield f"{what}: its account is halted"
        if any(isinstance(other, OrderCancelled) and other.order_id != event.order_id for other in _until_next(rest)):
            yield f"{what}: cancels an own resting order"

    def _sentences_of_all(self, events: Sequence[Event]) -> Iterator[str]:
        places = [number for number, event in enumerate(events) if isinstance(event, OrderTriggered)]
        if not places:
            return
        yield f"{_cause(events)} triggers"
        yield f"a command triggers {'one' if len(places) == 1 else 'two' if len(places) == 2 else 'three or more'}"
        halts = {event.market for event in events[places[0] :] if isinstance(event, MarketHalted)}
        if halts:
            yield "the breaker halts a market while orders are triggered"
        if any(self._waits(order) for order in self._view.open.values() if order.is_held and order.market in halts):
            yield "the breaker halts a market while more orders would be triggered"

    def _waits(self, order: OpenOrder) -> bool:
        last = self._view.references[order.market]
        return order.stop_price <= last if order.side == codes.BUY else order.stop_price >= last


def _replaced(old: OpenOrder, record: CommandRecord, rest: Sequence[Event]) -> Iterator[str]:
    """Sentences on a replacement; `rest` are the events behind ORDER_REPLACED."""
    quantity, _, stop_price, _, _ = wish = record.words[4:]
    yield f"replaced: {' + '.join(name for name, word in zip(REPLACED_FIELDS, wish, strict=True) if word)}"
    what = f"{'held' if old.is_held else 'resting'} {_TYPES[old.type]}"
    asks_more = quantity > old.filled + old.remaining
    if old.is_held:
        keeps_place = not asks_more and stop_price in (0, old.stop_price)
    else:
        keeps_place = not isinstance(rest[0], BookLevelChanged)
    yield f"replaced {what}: {'keeps' if keeps_place else 'loses'} its place"
    if old.filled:
        yield f"replaced partly filled {what}: {'keeps' if keeps_place else 'loses'} its place"
    if quantity:
        yield f"replaced {what}: {'more' if asks_more else 'no more'}"
    if not old.is_held and not keeps_place:
        new_id = _new_id(rest)
        yield f"replaced {what}: {_outcome(new_id, rest)}"
        if old.filled and _trades_of(new_id, rest):
            yield f"replaced partly filled {what}: trades at once"


def _new_id(rest: Sequence[Event]) -> int:
    return next(event.order_id for event in rest if isinstance(event, OrderAccepted))


def _outcome(order_id: int, rest: Sequence[Event]) -> str:
    """How a taker ends: filled, resting, or cancelled for a reason; and whether it traded before."""
    own = _until_next(rest)
    if any(isinstance(event, OrderFilled) and event.order_id == order_id for event in own):
        return "filled"
    ends = [_end_of(event) for event in own if isinstance(event, OrderCancelled) and event.order_id == order_id]
    end = ends[0] if ends else "rests"
    return f"{end} after trades" if _trades_of(order_id, own) else end


def _end_of(event: OrderExpired | OrderCancelled) -> str:
    return _CANCELS[event.reason] if isinstance(event, OrderCancelled) else "expired"


def _until_next(rest: Sequence[Event]) -> Sequence[Event]:
    """The events before the next order is triggered."""
    places = [number for number, event in enumerate(rest) if isinstance(event, OrderTriggered)]
    return rest[: places[0]] if places else rest


def _trades_of(taker: int, events: Sequence[Event]) -> list[TradeExecuted]:
    return [event for event in events if isinstance(event, TradeExecuted) and event.taker_order == taker]


def _cause(events: Sequence[Event]) -> str:
    match events[0]:
        case ExchangeResumed():
            return "resuming the exchange"
        case MarketResumed():
            return "resuming a market"
        case StopOrderAccepted():
            return "placing a stop"
        case OrderReplaced():
            return "replacing a held order" if isinstance(events[1], StopOrderAccepted) else "a replacement's trade"
        case _:
            return "a trade"
