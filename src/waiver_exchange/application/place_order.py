"""Place an order for an account."""

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from waiver_exchange.application.account_settings import refusal_of_new_order
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.order_names import check_client_order_id, is_order_id, refusal_of_name
from waiver_exchange.application.read_outcome import read_outcome
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.staging import Answer
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import PlaceOrder, PlaceStopOrder, pack_terms
from waiver_exchange.domain.limits import NANOSECONDS_PER_SECOND
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.projections.state import OrderView

SIDES: Final = {"buy": codes.BUY, "sell": codes.SELL}
TYPES: Final = {"limit": codes.LIMIT, "market": codes.MARKET, "stop": codes.STOP, "stop_limit": codes.STOP_LIMIT}
TIMES_IN_FORCE: Final = {"gtc": codes.GTC, "day": codes.DAY, "gtd": codes.GTD, "ioc": codes.IOC, "fok": codes.FOK}
SELF_TRADE_PREVENTIONS: Final = {
    "cancel_newest": codes.CANCEL_NEWEST,
    "cancel_oldest": codes.CANCEL_OLDEST,
    "cancel_both": codes.CANCEL_BOTH,
}

_HELD_TYPES: Final = frozenset({codes.STOP, codes.STOP_LIMIT})


class OrderRequest(NamedTuple):
    """An order as its sender words it: names as text, sizes in the engine's units, None where nothing was said.

    A tuple, because one is made for every order: it costs a third of what a frozen dataclass does.
    """

    symbol: str
    side: str
    order_type: str
    time_in_force: str | None = None
    quantity_units: int | None = None
    notional_micros: int | None = None
    limit_price_cents: int | None = None
    stop_price_cents: int | None = None
    expires_at_ns: int | None = None
    post_only: bool = False
    self_trade_prevention: str = "cancel_newest"
    client_order_id: str | None = None


class SubmittedOrder(NamedTuple):
    """An order that is durable, and whether it is the one that an earlier sending of the same command made."""

    order: OrderView
    is_repetition: bool


async def place_order(exchange: Exchange, *, account: int, request: OrderRequest) -> OrderView:
    """Return the order once it is durable; the same client order id with the same content returns the first one.

    Raises `RefusedError` when it is denied. An order that the book refuses is returned with the status `rejected`.
    """
    return (await submit_order(exchange, account=account, request=request)).order


async def submit_order(exchange: Exchange, *, account: int, request: OrderRequest) -> SubmittedOrder:
    """Place an order as `place_order` does, and say whether it was placed before. Raises `RefusedError`."""
    command = _command_of(exchange, account=account, request=request)
    refusal = await refusal_of_name(
        exchange, account=account, client_order_id=request.client_order_id
    ) or _refusal_by_settings(exchange, account=account, request=request)
    outcome = await exchange.sequencer.submit(command, refusal=refusal)
    return SubmittedOrder(await read_outcome(exchange, outcome), outcome.is_repetition)


def begin_order(exchange: Exchange, *, account: int, request: OrderRequest, answer: Answer) -> bool:
    """Begin to place an order, for one who does not wait in a task of his own.

    Return False when its name has to be looked up first: `place_order` does. Raises `RefusedError` for what is refused
    at once. Either way the answer gets nothing.
    """
    command = _command_of(exchange, account=account, request=request)
    if is_order_id(request.client_order_id):
        return False
    refusal = _refusal_by_settings(exchange, account=account, request=request)
    exchange.sequencer.begin(command, answer=answer, refusal=refusal)
    return True


def _refusal_by_settings(exchange: Exchange, *, account: int, request: OrderRequest) -> RefusalReason | None:
    """Return what the owner's settings have against a new order; an order that was placed before stays what it is."""
    return refusal_of_new_order(
        exchange, account=account, quantity_units=request.quantity_units, notional_micros=request.notional_micros
    )


def _command_of(exchange: Exchange, *, account: int, request: OrderRequest) -> PlaceOrder | PlaceStopOrder:
    order_type, time_in_force, terms = _terms_of(
        request.side, request.order_type, request.time_in_force, request.self_trade_prevention, request.post_only
    )
    _check_form(request)
    expires_at_ns = request.expires_at_ns or 0
    if time_in_force == codes.DAY and order_type != codes.MARKET:
        expires_at_ns = end_of_day_ns(exchange.clock.now_ns(), zone=exchange.zone)
    market = exchange.market(request.symbol).market
    if order_type in _HELD_TYPES:
        return PlaceStopOrder(
            account=account,
            market=market,
            terms=terms,
            quantity_units=request.quantity_units or 0,
            price_cents=request.limit_price_cents or 0,
            expires_at_ns=expires_at_ns,
            stop_price_cents=request.stop_price_cents or 0,
            client_order_id=request.client_order_id or "",
        )
    return PlaceOrder(
        account=account,
        market=market,
        terms=terms,
        quantity_units=request.quantity_units or 0,
        notional_micros=request.notional_micros or 0,
        price_cents=request.limit_price_cents or 0,
        expires_at_ns=expires_at_ns,
        client_order_id=request.client_order_id or "",
    )


# Every order comes by here, and there are few combinations of words.
@lru_cache(maxsize=1_024)
def _terms_of(
    side: str,
    type_word: str,
    time_word: str | None,
    self_trade: str,
    post_only: bool,  # noqa: FBT001 - as the others
) -> tuple[int, int, int]:
    """Return type, time in force and packed terms of an order's words. Raises `RefusedError`: a word does not exist."""
    for field, value, words in (
        ("side", side, SIDES),
        ("type", type_word, TYPES),
        ("time_in_force", time_word or "gtc", TIMES_IN_FORCE),
        ("self_trade_prevention", self_trade, SELF_TRADE_PREVENTIONS),
    ):
        if value not in words:
            raise RefusedError(RefusalReason.field_is_invalid, field=field, allowed=", ".join(words))
    order_type = TYPES[type_word]
    time_in_force = TIMES_IN_FORCE[time_word or ("ioc" if order_type == codes.MARKET else "gtc")]
    terms = pack_terms(
        side=SIDES[side],
        order_type=order_type,
        time_in_force=time_in_force,
        self_trade=SELF_TRADE_PREVENTIONS[self_trade],
        post_only=post_only,
    )
    return order_type, time_in_force, terms


def _check_form(request: OrderRequest) -> None:
    """Refuse what the numbers of the command could not say: a zero that was given."""
    _check_sizes(request)
    _check_lifetime(request)
    if request.client_order_id is not None:
        check_client_order_id(request.client_order_id)


def _check_sizes(request: OrderRequest) -> None:
    if (request.quantity_units is None) == (request.notional_micros is None):
        raise RefusedError(RefusalReason.quantity_or_notional_is_required)
    if request.quantity_units == 0:
        raise RefusedError(RefusalReason.quantity_must_be_positive)
    if request.notional_micros == 0:
        raise RefusedError(RefusalReason.notional_must_be_positive)
    if request.limit_price_cents == 0:
        raise RefusedError(RefusalReason.price_must_be_positive)
    is_held = TYPES[request.order_type] in _HELD_TYPES
    if request.notional_micros is not None and is_held:
        raise RefusedError(RefusalReason.notional_needs_a_market_order)
    if request.stop_price_cents is not None and not is_held:
        raise RefusedError(RefusalReason.stop_price_needs_a_stop_order)


def _check_lifetime(request: OrderRequest) -> None:
    if request.expires_at_ns is not None and request.time_in_force != "gtd":
        raise RefusedError(RefusalReason.expiry_needs_gtd)
    if request.time_in_force == "gtd" and request.order_type != "market" and request.expires_at_ns is None:
        raise RefusedError(RefusalReason.expiry_is_required)


def end_of_day_ns(now_ns: int, *, zone: ZoneInfo) -> int:
    """Return the next midnight of a time zone, in UNIX nanoseconds."""
    today = datetime.fromtimestamp(now_ns // NANOSECONDS_PER_SECOND, tz=zone).date()
    midnight = datetime.combine(today + timedelta(days=1), datetime.min.time(), tzinfo=zone)
    return int(midnight.timestamp()) * NANOSECONDS_PER_SECOND
