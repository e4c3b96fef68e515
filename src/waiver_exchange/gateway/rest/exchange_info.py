"""The exchange as a whole: its state, the totals that must agree, its fees and its limits."""

from typing import Final

import msgspec

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.domain.limits import NANOSECONDS_PER_SECOND, PRICE_CENTS_MAX
from waiver_exchange.domain.money import format_money, format_price, format_quantity
from waiver_exchange.gateway.rest.bodies import format_time
from waiver_exchange.gateway.rest.formats import Halt, Hash, Money, Price, Quantity, Symbol, Time
from waiver_exchange.gateway.rest.health import CHECKPOINT_WARNING
from waiver_exchange.gateway.rest.parameters import LIMIT_MAX
from waiver_exchange.gateway.rest.route import Answer, Call, Route, json_answer


class StatusBody(msgspec.Struct, frozen=True, kw_only=True):
    """The exchange now; the sequence counts the rows of the journal."""

    status: Halt
    sequence: int
    time: Time
    markets: int
    markets_halted: int
    accounts: int


class SharesBody(msgspec.Struct, frozen=True, kw_only=True):
    """The shares of a player that were issued, and those that accounts hold: the house, and the customers."""

    symbol: Symbol
    issued: Quantity
    held: Quantity
    house: Quantity
    owed: Quantity


class VerifiedBody(msgspec.Struct, frozen=True, kw_only=True):
    """What the newest signed checkpoint says: the last row that was verified, its hash and the state it leads to."""

    number: int
    sequence: int
    time: Time
    chain: Hash
    state_hash: Hash


class ConservationBody(msgspec.Struct, frozen=True, kw_only=True):
    """The totals that must agree as of a row of the journal: nothing appears and nothing vanishes.

    What is held is the house's or owed to customers. `chain` is the hash of the row; `verified` is null before the
    first checkpoint, `problem` says why the newest could not be made.
    """

    sequence: int
    time: Time
    chain: Hash
    is_conserved: bool
    cash_issued: Money
    cash_held: Money
    cash_house: Money
    cash_owed: Money
    verified: VerifiedBody | None
    problem: str | None
    shares: list[SharesBody]


class FeesBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a trade costs, in basis points of its value; rounded up to the next micro-dollar."""

    maker_fee_bps: int
    taker_fee_bps: int


class LimitsBody(msgspec.Struct, frozen=True, kw_only=True):
    """What an order and an account may be at most; 0 or null is no limit."""

    price_max: Price
    tick_size: Price
    quantity_step: Quantity
    order_value_max: Money
    position_max: Quantity | None
    open_orders_max: int
    orders_per_second_max: int | None
    collar_bps: int
    band_bps: int
    breaker_bps: int
    breaker_window_seconds: int
    breaker_halt_seconds: int
    lifetime_seconds_default: int
    lifetime_seconds_max: int
    page_limit_max: int


class RequestLimitsBody(msgspec.Struct, frozen=True, kw_only=True):
    """How many requests each key and session may send in a second, and all of the account's; null is no limit."""

    orders_per_second: int | None
    reads_per_second: int | None
    account_orders_per_second: int | None
    account_reads_per_second: int | None


async def _show_status(call: Call) -> Answer:
    state = call.exchange.state
    return json_answer(
        StatusBody(
            status="halted" if state.is_halted else "open",
            sequence=state.sequence,
            time=format_time(call.exchange.clock.now_ns()),
            markets=len(state.markets),
            markets_halted=sum(market.is_halted for market in state.markets.values()),
            accounts=len(state.accounts),
        )
    )


async def _show_conservation(call: Call) -> Answer:
    exchange = call.exchange

    def make() -> bytes:
        return msgspec.json.encode(_conservation_body(exchange))

    return Answer(call.services.kept.get("conservation", make))


async def _show_fees(call: Call) -> Answer:
    parameters = call.exchange.state.parameters
    return json_answer(FeesBody(maker_fee_bps=parameters.maker_fee_bps, taker_fee_bps=parameters.taker_fee_bps))


async def _show_limits(call: Call) -> Answer:
    parameters = call.exchange.state.parameters
    position = parameters.position_units_max
    return json_answer(
        LimitsBody(
            price_max=format_price(PRICE_CENTS_MAX),
            tick_size=format_price(1),
            quantity_step=format_quantity(1),
            order_value_max=format_money(parameters.order_value_micros_max),
            position_max=format_quantity(position) if position else None,
            open_orders_max=parameters.open_orders_max,
            orders_per_second_max=parameters.orders_per_second_max or None,
            collar_bps=parameters.collar_bps,
            band_bps=parameters.band_bps,
            breaker_bps=parameters.breaker_bps,
            breaker_window_seconds=parameters.breaker_window_ns // NANOSECONDS_PER_SECOND,
            breaker_halt_seconds=parameters.breaker_halt_ns // NANOSECONDS_PER_SECOND,
            lifetime_seconds_default=parameters.lifetime_ns_default // NANOSECONDS_PER_SECOND,
            lifetime_seconds_max=parameters.lifetime_ns_max // NANOSECONDS_PER_SECOND,
            page_limit_max=LIMIT_MAX,
        )
    )


async def _show_own_limits(call: Call) -> Answer:
    limits = call.services.limits
    orders, all_orders = limits.limits_of(call.account, "order")
    reads, all_reads = limits.limits_of(call.account, "read")
    return json_answer(
        RequestLimitsBody(
            orders_per_second=orders or None,
            reads_per_second=reads or None,
            account_orders_per_second=all_orders or None,
            account_reads_per_second=all_reads or None,
        )
    )


def _verified_body(exchange: Exchange) -> VerifiedBody | None:
    newest = exchange.checkpoints.newest()
    if newest is None:
        return None
    return VerifiedBody(
        number=exchange.checkpoints.store.count(),
        sequence=newest.sequence,
        time=format_time(newest.time_ns),
        chain=newest.chain.hex(),
        state_hash=newest.state_hash,
    )


def _conservation_body(exchange: Exchange) -> ConservationBody:
    totals = exchange.queries.conservation()
    _, chain = exchange.sequencer.head
    return ConservationBody(
        sequence=totals.sequence,
        time=format_time(exchange.state.time_ns),
        chain=chain.hex(),
        is_conserved=totals.is_conserved,
        cash_issued=format_money(totals.cash_issued_micros),
        cash_held=format_money(totals.cash_total_micros),
        cash_house=format_money(totals.cash_house_micros),
        cash_owed=format_money(totals.cash_owed_micros),
        verified=_verified_body(exchange),
        problem=None if exchange.checkpoints.problem is None else CHECKPOINT_WARNING,
        shares=[
            SharesBody(
                symbol=market.symbol,
                issued=format_quantity(market.issued_units),
                held=format_quantity(market.held_units),
                house=format_quantity(market.house_units),
                owed=format_quantity(market.owed_units),
            )
            for market in totals.markets
        ],
    )


EXCHANGE_ROUTES: Final = (
    Route(
        method="GET",
        path="/api/v1/status",
        name="getStatus",
        summary="Show the state of the exchange.",
        tag="exchange",
        handler=_show_status,
        answer=StatusBody,
        access="public",
    ),
    Route(
        method="GET",
        path="/api/v1/conservation",
        name="getConservation",
        summary="Show the totals of cash and shares that must agree.",
        description="As of a moment of the last seconds: the sequence says which.",
        tag="exchange",
        handler=_show_conservation,
        answer=ConservationBody,
        access="public",
    ),
    Route(
        method="GET",
        path="/api/v1/fees",
        name="getFees",
        summary="Show what a trade costs.",
        tag="exchange",
        handler=_show_fees,
        answer=FeesBody,
        access="public",
    ),
    Route(
        method="GET",
        path="/api/v1/limits",
        name="getLimits",
        summary="Show what an order and an account may be at most.",
        tag="exchange",
        handler=_show_limits,
        answer=LimitsBody,
        access="public",
    ),
    Route(
        method="GET",
        path="/api/v1/account/limits",
        name="getAccountLimits",
        summary="Show how many requests the account may send.",
        tag="account",
        handler=_show_own_limits,
        answer=RequestLimitsBody,
    ),
)
