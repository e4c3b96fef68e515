"""What an account's positions gained or lost today, by its movements of shares since midnight."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from waiver_exchange.application.ports import Journal, ReadModelStore
from waiver_exchange.application.queries.accounts import AccountReads
from waiver_exchange.application.queries.settled import SettledReads
from waiver_exchange.application.queries.turns import Turns
from waiver_exchange.projections import valuation
from waiver_exchange.projections.state import LedgerMovement, ReadModelState

_ACCOUNTS_MAX: Final = 10_000


class SharesMoved(NamedTuple):
    """What came to an account and went from it in a time; the value is what came times its price, in micro-dollars."""

    bought_units: int = 0
    bought_micros: int = 0
    sold_units: int = 0

    def plus(self, other: "SharesMoved") -> "SharesMoved":
        """Return both together."""
        return SharesMoved(*map(sum, zip(self, other, strict=True)))


class DayChange(NamedTuple):
    """What the shares of a position changed by today, and what they counted as before, in micro-dollars.

    Of the shares that were held when the day began, those still there count from the previous close; the others from
    the average price that all were bought for today. What is sold leaves the old ones first, whatever was bought
    before it. Shares granted are bought at the price of then. What was sold is realized and no part of it.
    """

    change_micros: int
    base_micros: int


class _Known(NamedTuple):
    """The movements of a day up to a row that the store had."""

    day_ns: int
    sequence: int
    time_ns: int
    moved: dict[int, SharesMoved]


class DayChangeReads(AccountReads):
    """Reads of what changed today."""

    def __init__(
        self,
        *,
        state: ReadModelState,
        store: ReadModelStore,
        journal: Journal,
        zone: ZoneInfo,
        settled: SettledReads | None = None,
    ) -> None:
        """Read as all reads do; what was found of the day is kept for the next time."""
        super().__init__(state=state, store=store, journal=journal, zone=zone, settled=settled)
        self._day_turns = Turns()
        self._day_moves: OrderedDict[int, _Known] = OrderedDict()

    async def day_changes(self, account: int, *, now_ns: int) -> dict[int, DayChange]:
        """Return the change of each of an account's positions, by market, in the day of `now_ns`.

        Only what is new since the last time is read. Raises `RefusedError` when too many ask for this account.
        """
        # All of this is of one moment: positions that were read just before it are those that it speaks of.
        state, day_ns = self._state, self._days.start_of(now_ns)
        held = {market: view.quantity_units for market, view in state.holdings.get(account, {}).items()}
        prices = {market: valuation.price_cents(state.markets[market]) for market in held}
        closes = {market: self.previous_close_cents(market, now_ns=now_ns) for market in held}
        recent = _moved(account, (movement for movement in state.ledger if movement.time_ns >= day_ns))
        until, until_ns = state.sequence, state.time_ns
        if state.ledger:
            until, until_ns = state.ledger[0].sequence - 1, state.ledger[0].time_ns
        async with self._day_turns.of(account):
            stored = await self._stored_moves(account, held, day_ns=day_ns, until=until, until_ns=until_ns)
        nothing = SharesMoved()
        return {
            market: day_change(
                units,
                stored.get(market, nothing).plus(recent.get(market, nothing)),
                price_cents=prices[market],
                close_cents=closes[market],
            )
            for market, units in held.items()
            if units
        }

    async def _stored_moves(
        self, account: int, markets: Iterable[int], *, day_ns: int, until: int, until_ns: int
    ) -> dict[int, SharesMoved]:
        known = self._day_moves.get(account)
        if known is None or known.day_ns != day_ns or known.sequence > until:
            known = _Known(day_ns, 0, day_ns, {})
        moved = dict(known.moved)
        for market in markets if known.sequence < until else ():
            new = await self._store.sum_shares_moved(
                account=account,
                market=market,
                start_ns=known.time_ns,
                after_sequence=known.sequence,
                until_sequence=until,
            )
            moved[market] = moved.get(market, SharesMoved()).plus(SharesMoved(*new))
        # Later rows bear no earlier time than the last one that was counted.
        self._day_moves[account] = _Known(day_ns, until, max(day_ns, until_ns), moved)
        self._day_moves.move_to_end(account)
        if len(self._day_moves) > _ACCOUNTS_MAX:
            self._day_moves.popitem(last=False)
        return moved


def day_change(units: int, moved: SharesMoved, *, price_cents: int, close_cents: int) -> DayChange:
    """Return what `units` shares, held now, changed by, after what moved today."""
    at_start = units - moved.bought_units + moved.sold_units
    old_units = max(0, at_start - moved.sold_units)
    new_units = units - old_units
    # Rounded half up; of all that was bought, the cost is exact.
    bought = moved.bought_units
    cost = (2 * new_units * moved.bought_micros + bought) // (2 * bought) if bought else 0
    base = old_units * close_cents + cost
    return DayChange(units * price_cents - base, base)


def _moved(account: int, movements: Iterable[LedgerMovement]) -> dict[int, SharesMoved]:
    moved: dict[int, SharesMoved] = {}
    for movement in movements:
        if not movement.market or account not in {movement.from_account, movement.to_account}:
            continue
        amount = movement.amount
        new = (
            SharesMoved(amount, amount * movement.price_cents, 0)
            if movement.to_account == account
            else SharesMoved(0, 0, amount)
        )
        moved[movement.market] = moved.get(movement.market, SharesMoved()).plus(new)
    return moved
