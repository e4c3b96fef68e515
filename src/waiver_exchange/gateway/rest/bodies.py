"""The bodies of answers: decimal strings for money and quantity, RFC 3339 times in UTC, null where there is nothing."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

import msgspec

from waiver_exchange.application.place_order import SELF_TRADE_PREVENTIONS, SIDES, TIMES_IN_FORCE, TYPES
from waiver_exchange.application.queries import AccountSummary, Position
from waiver_exchange.domain import codes
from waiver_exchange.domain.ids import IdKind, to_text
from waiver_exchange.domain.limits import NANOSECONDS_PER_SECOND
from waiver_exchange.domain.money import average_price, format_money, format_price, format_quantity
from waiver_exchange.gateway.rest.formats import (
    AveragePrice,
    Halt,
    Id,
    MarketStatus,
    Money,
    OrderStatus,
    OrderType,
    Price,
    Quantity,
    Reason,
    SelfTradePrevention,
    Side,
    Symbol,
    Time,
    TimeInForce,
)
from waiver_exchange.projections.state import BookLevels, BookView, MarketView, OrderView, TradeView

SIDE_NAMES: Final = {code: name for name, code in SIDES.items()}
_TYPE_NAMES: Final = {code: name for name, code in TYPES.items()}
_TIME_IN_FORCE_NAMES: Final = {code: name for name, code in TIMES_IN_FORCE.items()}
_SELF_TRADE_NAMES: Final = {code: name for name, code in SELF_TRADE_PREVENTIONS.items()}


class OrderBody(msgspec.Struct, frozen=True, kw_only=True):
    """One order of the asking account; it has either a quantity or a notional.

    `held` is a stop order that waits for its trigger. Replacing an order ends it and makes another one.
    """

    id: Id
    client_order_id: str
    symbol: Symbol
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    quantity: Quantity | None
    notional: Money | None
    filled_quantity: Quantity
    average_fill_price: AveragePrice | None
    limit_price: Price | None
    stop_price: Price | None
    triggered_at: Time | None
    post_only: bool
    self_trade_prevention: SelfTradePrevention
    expires_at: Time | None
    fees: Money
    status: OrderStatus
    reason: Reason | None
    replaces: Id | None
    replaced_by: Id | None
    created_at: Time
    updated_at: Time


class OrdersPageBody(msgspec.Struct, frozen=True, kw_only=True):
    """Orders and what the next page is asked for by; null on the last one."""

    items: list[OrderBody]
    next_cursor: str | None


class AccountBody(msgspec.Struct, frozen=True, kw_only=True):
    """What the asking account owns; equity is its cash with the market value of its shares."""

    id: Id
    name: str | None
    status: Halt
    cash: Money
    cash_available: Money
    cash_held: Money
    equity: Money


class PositionBody(msgspec.Struct, frozen=True, kw_only=True):
    """The asking account's shares of one player; average cost is per share."""

    symbol: Symbol
    quantity: Quantity
    quantity_available: Quantity
    average_cost: Money
    market_value: Money
    unrealized_profit: Money
    realized_profit: Money


class MarketBody(msgspec.Struct, frozen=True, kw_only=True):
    """A player's market; volume is in shares, since the listing.

    One that is settled is over, and its shares were paid with the settled price.
    """

    symbol: Symbol
    name: str
    team: str
    position: str
    bye_week: int | None
    projected_points: str | None
    supply: Quantity
    reference_price: Price | None
    last_price: Price | None
    best_bid: Price | None
    best_bid_quantity: Quantity | None
    best_ask: Price | None
    best_ask_quantity: Quantity | None
    volume: Quantity
    trades: int
    status: MarketStatus
    settled_price: Price | None


class BookBody(msgspec.Struct, frozen=True, kw_only=True):
    """Price levels as [price, quantity], best first; the sequence counts the changes of this book."""

    bids: list[tuple[Price, Quantity]]
    asks: list[tuple[Price, Quantity]]
    sequence: int


class TradeBody(msgspec.Struct, frozen=True, kw_only=True):
    """One trade as everybody may see it; the side is that of the order that came last.

    One that was busted was reversed later; the prices and volumes made of trades still count it.
    """

    id: Id
    symbol: Symbol
    side: Side
    price: Price
    quantity: Quantity
    time: Time
    busted: bool = False


def format_time(time_ns: int) -> str:
    """Return UNIX nanoseconds as `2026-09-07T00:20:00.000000000Z`."""
    seconds, nanoseconds = divmod(time_ns, NANOSECONDS_PER_SECOND)
    return f"{_format_second(seconds)}.{nanoseconds:09d}Z"


@lru_cache(maxsize=4_096)
def _format_second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:19]


def order_body(order: OrderView, *, symbol: str) -> OrderBody:
    """Return an order as its owner sees it."""
    filled = order.filled_quantity_units
    side, order_type, time_in_force, self_trade, post_only = _words_of(order.terms)
    average = average_price(value_micros=order.filled_value_micros, quantity_units=filled) if filled else None
    return OrderBody(
        id=to_text(IdKind.order, order.order_id),
        client_order_id=order.client_order_id,
        symbol=symbol,
        side=side,
        type=order_type,
        time_in_force=time_in_force,
        quantity=format_quantity(order.quantity_units) if order.quantity_units else None,
        notional=format_money(order.notional_micros) if order.notional_micros else None,
        filled_quantity=format_quantity(filled),
        average_fill_price=average,
        limit_price=price_or_none(order.limit_price_cents),
        stop_price=price_or_none(order.stop_price_cents),
        triggered_at=time_or_none(order.triggered_at_ns),
        post_only=post_only,
        self_trade_prevention=self_trade,
        expires_at=time_or_none(order.expires_at_ns),
        fees=format_money(order.fee_micros),
        status=order.status,
        reason=order.reason or None,
        replaces=_order_id(order.replaces),
        replaced_by=_order_id(order.replaced_by),
        created_at=format_time(order.created_at_ns),
        updated_at=format_time(order.updated_at_ns),
    )


@lru_cache(maxsize=1_024)
def _words_of(terms: int) -> tuple[str, str, str, str, bool]:
    """Return what the word of `pack_terms` says: side, type, time in force, self-trade prevention, post only."""
    mask = codes.TERMS_FIELD_MASK
    return (
        SIDE_NAMES[terms & mask],
        _TYPE_NAMES[terms >> codes.TYPE_SHIFT & mask],
        _TIME_IN_FORCE_NAMES[terms >> codes.TIME_IN_FORCE_SHIFT & mask],
        _SELF_TRADE_NAMES[terms >> codes.SELF_TRADE_SHIFT & mask],
        terms >> codes.POST_ONLY_SHIFT != 0,
    )


def account_body(summary: AccountSummary, *, name: str | None) -> AccountBody:
    """Return an account as its owner sees it."""
    return AccountBody(
        id=to_text(IdKind.account, summary.account),
        name=name,
        status=_status(is_halted=summary.is_halted),
        cash=format_money(summary.cash_micros),
        cash_available=format_money(summary.available_micros),
        cash_held=format_money(summary.held_micros),
        equity=format_money(summary.equity_micros),
    )


def position_body(position: Position) -> PositionBody:
    """Return a position as its owner sees it."""
    return PositionBody(
        symbol=position.symbol,
        quantity=format_quantity(position.quantity_units),
        quantity_available=format_quantity(position.available_units),
        average_cost=format_money(position.average_cost_micros),
        market_value=format_money(position.market_value_micros),
        unrealized_profit=format_money(position.unrealized_micros),
        realized_profit=format_money(position.realized_micros),
    )


def market_body(market: MarketView, *, book: BookView, is_exchange_halted: bool) -> MarketBody:
    """Return a market as everybody sees it."""
    bid, ask = book.best_bid_cents, book.best_ask_cents
    return MarketBody(
        symbol=market.symbol,
        name=market.name,
        team=market.team,
        position=market.position,
        bye_week=market.bye_week or None,
        projected_points=market.projected_points or None,
        supply=format_quantity(market.supply_units),
        reference_price=price_or_none(market.reference_price_cents),
        last_price=price_or_none(market.last_price_cents),
        best_bid=price_or_none(bid),
        best_bid_quantity=format_quantity(book.bids[bid]) if bid else None,
        best_ask=price_or_none(ask),
        best_ask_quantity=format_quantity(book.asks[ask]) if ask else None,
        volume=format_quantity(market.volume_units),
        trades=market.trade_count,
        status="settled" if market.is_settled else _status(is_halted=market.is_halted or is_exchange_halted),
        settled_price=format_price(market.settled_price_cents) if market.is_settled else None,
    )


def book_body(levels: BookLevels) -> BookBody:
    """Return the levels of a book."""
    return BookBody(
        bids=[(format_price(price), format_quantity(quantity)) for price, quantity in levels.bids],
        asks=[(format_price(price), format_quantity(quantity)) for price, quantity in levels.asks],
        sequence=levels.sequence,
    )


def trade_body(trade: TradeView, *, symbol: str, is_busted: bool = False) -> TradeBody:
    """Return a trade without those who made it; a new one is not busted."""
    return TradeBody(
        id=to_text(IdKind.trade, trade.trade_id),
        symbol=symbol,
        side=SIDE_NAMES[trade.taker_side],
        price=format_price(trade.price_cents),
        quantity=format_quantity(trade.quantity_units),
        time=format_time(trade.time_ns),
        busted=is_busted,
    )


def time_or_none(time_ns: int) -> str | None:
    """Return a time, or None for one that did not come."""
    return format_time(time_ns) if time_ns else None


def _order_id(order_id: int) -> str | None:
    return to_text(IdKind.order, order_id) if order_id else None


def price_or_none(cents: int) -> str | None:
    """Return a price, or None where there is none."""
    return format_price(cents) if cents else None


def _status(*, is_halted: bool) -> str:
    return "halted" if is_halted else "open"
