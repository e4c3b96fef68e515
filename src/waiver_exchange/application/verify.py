"""Prove the books: the chain, the replay, the snapshot, the projections, and that nothing appeared or vanished."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass
from functools import partial
from hashlib import sha256
from typing import Final, Protocol, TypeVar

from waiver_exchange.application.engine_state import EngineState, OrderState, decode_state
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.ports import GENESIS_CHAIN, Journal, JournalBrokenError, PlainRow, Snapshot
from waiver_exchange.application.recovery import READ_ROWS, EngineAt, replay
from waiver_exchange.domain.codes import BUY, STOP, TERMS_FIELD_MASK, TYPE_SHIFT
from waiver_exchange.domain.commands import AccountLimits
from waiver_exchange.domain.limits import BPS
from waiver_exchange.engine.engine import Engine
from waiver_exchange.engine.invariant import InvariantError
from waiver_exchange.engine.state import has_known_version, state_bytes
from waiver_exchange.projections.context import LedgerMismatchError
from waiver_exchange.projections.state import OrderView, ReadModelState, market_row

_PROGRESS_ROWS: Final = 100_000
_Key = TypeVar("_Key")
_Facts = TypeVar("_Facts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was found: `difference` is None when everything agrees, else the first place that does not."""

    sequence: int
    state_hash: str
    difference: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveState:
    """What a running exchange holds in memory at a durable row; `facts_hash` covers what it says of its markets."""

    sequence: int
    state_hash: str
    facts_hash: str
    difference: str | None


class Rebuilding(Protocol):
    """A read model that is built anew from the rows that a verification goes through."""

    @property
    def state(self) -> ReadModelState:
        """The read model in memory."""

    async def follow(self, rows: list[PlainRow]) -> None:
        """Take the next rows."""


Check = Callable[[], str | None]


async def describe_live(exchange: Exchange) -> LiveState:
    """Return the hash of the running engine's state, and where its projections differ from it.

    Trading waits meanwhile: some milliseconds for each 10,000 accounts, holdings and open orders.
    """
    await exchange.writer.at_rest()
    at = exchange.writer.engine_at
    state = state_bytes(at.engine)
    difference = projections_difference(decode_state(state), exchange.state)
    if exchange.state.sequence != at.sequence:
        difference = f"projections stand at row {exchange.state.sequence}, the engine at row {at.sequence}"
    return LiveState(
        sequence=at.sequence,
        state_hash=sha256(state).hexdigest(),
        facts_hash=_facts_hash(exchange.state),
        difference=difference,
    )


async def verify_journal(
    *,
    journal: Journal,
    snapshot: Snapshot | None,
    live: LiveState | None,
    rebuilding: Rebuilding,
    checks: Mapping[int, Check],
    report: Callable[[int], None] = lambda _: None,
) -> Verification:
    """Replay the journal from its first row into a fresh engine and a fresh read model, and compare everything.

    `live` ends the replay at its row. Each of `checks` runs after its row and returns what differs there. `report` is
    told the rows replayed so far. Raises `JournalError` when the journal cannot be read.
    """
    at = EngineAt(engine=Engine(), sequence=0, time_ns=0, chain=GENESIS_CHAIN)
    all_checks = dict(checks)
    # One of an older version is skipped at a start too.
    if snapshot is not None and has_known_version(snapshot.state):
        all_checks[snapshot.sequence] = _both(all_checks.get(snapshot.sequence), partial(_snapshot_check, snapshot, at))
    replaying = _Replaying(journal=journal, at=at, rebuilding=rebuilding, checks=all_checks, report=report)
    try:
        difference = await journal.find_damage() or await replaying.run(until=live.sequence if live else None)
    except (JournalBrokenError, InvariantError, LedgerMismatchError) as error:
        difference = str(error)
    state = state_bytes(at.engine)
    state_hash = sha256(state).hexdigest()
    if difference is None:
        held = decode_state(state)
        difference = conservation_difference(held) or projections_difference(held, rebuilding.state)
    if difference is None and live is not None:
        difference = _live_difference(at, state_hash, _facts_hash(rebuilding.state), live)
    return Verification(sequence=at.sequence, state_hash=state_hash, difference=difference)


def _both(first: Check | None, second: Check) -> Check:
    return second if first is None else lambda: first() or second()


def _snapshot_check(snapshot: Snapshot, at: EngineAt) -> str | None:
    if snapshot.chain == at.chain and snapshot.state == state_bytes(at.engine):
        return None
    return f"the snapshot at row {snapshot.sequence} is not the state that the journal leads to"


def _live_difference(at: EngineAt, state_hash: str, facts_hash: str, live: LiveState) -> str | None:
    if at.sequence != live.sequence:
        return f"the journal ends at row {at.sequence}, the running engine stands at row {live.sequence}"
    if live.state_hash != state_hash:
        return f"the running engine's state at row {live.sequence} is {live.state_hash}, replay leads to {state_hash}"
    if live.facts_hash != facts_hash:
        return "the running service says other things of its markets than were listed; restart it"
    return live.difference


def _facts_hash(state: ReadModelState) -> str:
    """Return a hash of everything that is shown of the markets, names and totals included."""
    rows = [market_row(market) for _, market in sorted(state.markets.items())]
    return sha256(repr((rows, sorted(state.symbols.items()))).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Replaying:
    """The way through the journal: rows to the engine and the read model, checks at their rows."""

    journal: Journal
    at: EngineAt
    rebuilding: Rebuilding
    checks: Mapping[int, Check]
    report: Callable[[int], None]

    async def run(self, *, until: int | None) -> str | None:
        """Go to the end of the journal, or to a row; return the first difference."""
        at = self.at
        while rows := await self._read(until=until):
            replay(at, rows)
            await self.rebuilding.follow(rows)
            if at.sequence // _PROGRESS_ROWS != (at.sequence - len(rows)) // _PROGRESS_ROWS:
                self.report(at.sequence)
            check = self.checks.get(at.sequence)
            difference = check() if check is not None else None
            if difference is not None:
                return difference
        beyond = max(self.checks, default=0)
        if beyond > at.sequence and until is None:
            return f"a snapshot or the read model stands at row {beyond}, the journal ends at row {at.sequence}"
        return None

    async def _read(self, *, until: int | None) -> list[PlainRow]:
        sequence = self.at.sequence
        stops = [row for row in (*self.checks, until) if row is not None and row > sequence]
        if until is not None and sequence >= until:
            return []
        return await self.journal.read_plain(after=sequence, limit=min([READ_ROWS, *(row - sequence for row in stops)]))


def conservation_difference(state: EngineState) -> str | None:
    """Return where cash, shares or holds are not conserved, or None."""
    cash = sum(account.cash_micros for account in state.accounts.values())
    if cash != state.cash_issued_micros:
        return f"accounts hold {cash} micro-dollars, {state.cash_issued_micros} were issued"
    shares: Counter[int] = Counter()
    for position in state.positions:
        shares[position.market] += position.quantity_units
    for number, market in state.markets.items():
        if shares[number] != market.supply_units:
            return f"accounts hold {shares[number]} units of market {number}, {market.supply_units} were issued"
    return _holds_difference(state)


def _holds_difference(state: EngineState) -> str | None:
    cash: Counter[int] = Counter()
    orders: Counter[int] = Counter()
    shares: Counter[tuple[int, int]] = Counter()
    bids: Counter[tuple[int, int]] = Counter()
    for order in state.orders:
        orders[order.account] += 1
        if order.side == BUY:
            cash[order.account] += _cash_held(order)
            bids[order.account, order.market] += order.remaining_units
        else:
            shares[order.account, order.market] += order.remaining_units
    for number, account in state.accounts.items():
        if account.held_micros != cash[number] or not 0 <= account.held_micros <= account.cash_micros:
            return f"account {number} holds back {account.held_micros} micro-dollars, its orders need {cash[number]}"
        if account.open_orders != orders[number]:
            return f"account {number} counts {account.open_orders} open orders and has {orders[number]}"
    for position in state.positions:
        place = position.account, position.market
        if position.held_units != shares[place] or not 0 <= position.held_units <= position.quantity_units:
            return (
                f"account {position.account} holds back {position.held_units} units of market {position.market}, its "
                f"orders need {shares[place]}"
            )
        if position.bid_units != bids[place]:
            return (
                f"account {position.account} counts {position.bid_units} units that it may buy of market "
                f"{position.market}, its orders say {bids[place]}"
            )
    return None


def _cash_held(order: OrderState) -> int:
    value = order.price_cents * order.remaining_units
    return value + max(0, -(-(value * order.reserved_bps - order.fee_credit) // BPS))


def projections_difference(state: EngineState, projections: ReadModelState) -> str | None:
    """Return the first place where what people are shown is not what the engine holds, or None."""
    if (projections.is_halted, projections.cash_issued_micros) != (state.is_halted, state.cash_issued_micros):
        return "the projected halt or cash issued is not the engine's"
    if astuple(projections.parameters) != state.parameters:
        return "the projected parameters are not the engine's"
    return (
        _accounts_difference(state, projections)
        or _limits_difference(state, projections)
        or _holdings_difference(state, projections)
        or _markets_difference(state, projections)
        or _orders_difference(state, projections)
    )


def _accounts_difference(state: EngineState, projections: ReadModelState) -> str | None:
    projected = {
        number: (view.cash_micros, view.held_micros, view.is_halted, view.role)
        for number, view in projections.accounts.items()
    }
    held = {
        number: (account.cash_micros, account.held_micros, bool(account.is_halted), account.role)
        for number, account in state.accounts.items()
    }
    return _first_difference("account", held, projected)


def _limits_difference(state: EngineState, projections: ReadModelState) -> str | None:
    # Limits that inherit everything are no part of the engine's state.
    projected = {key: astuple(limits) for key, limits in projections.limits.items() if limits != AccountLimits()}
    return _first_difference("limits of", state.limits, projected)


def _holdings_difference(state: EngineState, projections: ReadModelState) -> str | None:
    nothing = (0, 0, 0, 0)
    projected = {
        (view.account, view.market): (view.quantity_units, view.held_units, view.cost_micros, view.realized_micros)
        for holdings in projections.holdings.values()
        for view in holdings.values()
    }
    held = {
        (position.account, position.market): (
            position.quantity_units,
            position.held_units,
            position.cost_micros,
            position.realized_micros,
        )
        for position in state.positions
    }
    # A position that never held anything has no event yet.
    return _first_difference(
        "holding",
        {key: value for key, value in held.items() if value != nothing or key in projected},
        projected,
    )


def _markets_difference(state: EngineState, projections: ReadModelState) -> str | None:
    projected = {
        number: (
            view.supply_units,
            view.reference_price_cents,
            view.last_price_cents,
            view.halt_cause,
            view.halted_until_ns,
            view.band_bps,
            view.team_number,
            view.position_number,
            projections.books[number].sequence,
        )
        for number, view in projections.markets.items()
    }
    held = {
        number: (
            market.supply_units,
            market.reference_price_cents,
            market.last_price_cents,
            market.halt_cause,
            market.halted_until_ns,
            market.band_bps,
            market.team,
            market.position,
            market.book_sequence,
        )
        for number, market in state.markets.items()
    }
    return _first_difference("market", held, projected)


def _orders_difference(state: EngineState, projections: ReadModelState) -> str | None:
    projected = {order.order_id: _projected_facts(order) for order in projections.orders.values() if order.is_open}
    held = {order.order_id: _held_facts(order) for order in state.orders}
    difference = _first_difference("open order", held, projected)
    if difference is not None:
        return difference
    levels: Counter[tuple[int, int, int]] = Counter()
    for order in state.orders:
        if not order.is_held:
            levels[order.market, order.side, order.price_cents] += order.remaining_units
    shown = {
        (number, side, price): units
        for number, book in projections.books.items()
        for side, prices in ((BUY, book.bids), (1 - BUY, book.asks))
        for price, units in prices.items()
    }
    return _first_difference("book level", dict(levels), shown)


def _projected_facts(order: OrderView) -> tuple[int, ...]:
    return (
        order.account,
        order.market,
        order.terms,
        order.limit_price_cents,
        order.remaining_units,
        order.filled_quantity_units,
        order.expires_at_ns,
        order.stop_price_cents if order.status == "held" else 0,
    )


def _held_facts(order: OrderState) -> tuple[int, ...]:
    # Its protection price is no limit that the owner of a stop gave.
    has_limit = order.terms >> TYPE_SHIFT & TERMS_FIELD_MASK != STOP
    return (
        order.account,
        order.market,
        order.terms,
        order.price_cents if has_limit else 0,
        order.remaining_units,
        order.filled_units,
        order.expires_at_ns,
        order.stop_price_cents,
    )


def _first_difference(what: str, held: Mapping[_Key, _Facts], projected: Mapping[_Key, _Facts]) -> str | None:
    if held == projected:
        return None
    for key in held.keys() | projected.keys():
        if held.get(key) != projected.get(key):
            return f"{what} {key}: the engine holds {held.get(key)}, the projections say {projected.get(key)}"
    return None
