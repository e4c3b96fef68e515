"""An account's ledger: every movement of its cash and shares, with what it had after each."""

import heapq
from dataclasses import dataclass
from itertools import islice
from typing import Final, NamedTuple, get_args

from waiver_exchange.application.queries.reads import PAGE_ITEMS_MAX, Reads
from waiver_exchange.application.selections import LedgerSelection
from waiver_exchange.projections.state import LedgerMovement, MovementKind

_KINDS: Final[tuple[MovementKind, ...]] = get_args(MovementKind)
# How an account comes to something without trading.
INVESTMENTS: Final[tuple[MovementKind, ...]] = ("deposit", "issue", "grant", "correction")
# A cursor is sequence * this + line: a row has far fewer lines.
_LINES: Final = 1 << 32


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerFilter:
    """Which of an account's lines a page shows, and from which end; `start_ns` is included, `end_ns` is not."""

    kinds: tuple[MovementKind, ...] = _KINDS
    start_ns: int | None = None
    end_ns: int | None = None
    is_ascending: bool = False


class LedgerLine(NamedTuple):
    """One movement as one of its two accounts sees it.

    `market` is 0 for cash (micro-dollars), else shares of it (units). `amount` is below 0 when it went away; `balance`
    is what the account had of the same after it, `price_cents` what one share counted as, 0 for cash.
    `codes.OPERATOR` is the account from which everything is issued.
    """

    sequence: int
    line: int
    time_ns: int
    account: int
    kind: MovementKind
    market: int
    amount: int
    balance: int
    from_account: int
    to_account: int
    trade_id: int
    reference: str
    price_cents: int = 0


class LedgerPage(NamedTuple):
    """Lines of a ledger; `next_cursor` is None on the last page."""

    items: list[LedgerLine]
    next_cursor: int | None


def ledger_cursor(sequence: int, line: int) -> int:
    """Return the cursor that stands for a line: the next page begins behind it."""
    return sequence * _LINES + line


class LedgerReads(Reads):
    """Reads of the ledger."""

    async def ledger_page(
        self,
        *,
        account: int,
        filter: LedgerFilter,  # noqa: A002 - the word for it
        cursor: int | None = None,
        limit: int,
    ) -> LedgerPage:
        """Return lines of an account's ledger, newest first or ascending; `cursor` is that of the page before."""
        place = None if cursor is None else divmod(cursor, _LINES)
        selection = LedgerSelection(
            account=account,
            kinds=filter.kinds,
            start_ns=filter.start_ns,
            end_ns=filter.end_ns,
            before=None if filter.is_ascending else place,
            after=place if filter.is_ascending else None,
            is_ascending=filter.is_ascending,
        )
        limit = min(limit, PAGE_ITEMS_MAX)
        wanted = limit + 1
        found = {_place(movement): movement for movement in self._recent_movements(selection, wanted)}
        if filter.is_ascending or len(found) < wanted:
            for movement in await self._store.list_movements(selection, limit=wanted):
                found[_place(movement)] = movement
        first = heapq.nsmallest if filter.is_ascending else heapq.nlargest
        items = [_line(movement, account) for movement in first(wanted, found.values(), key=_place)]
        last = items[limit - 1] if len(items) > limit else None
        return LedgerPage(items[:limit], None if last is None else ledger_cursor(last.sequence, last.line))

    def _recent_movements(self, selection: LedgerSelection, limit: int) -> list[LedgerMovement]:
        ledger = self._state.ledger
        ordered = ledger if selection.is_ascending else reversed(ledger)
        return list(islice(filter(selection.includes, ordered), limit))


def _place(movement: LedgerMovement) -> tuple[int, int]:
    return movement.sequence, movement.line


def _line(movement: LedgerMovement, account: int) -> LedgerLine:
    is_gone = movement.from_account == account
    return LedgerLine(
        sequence=movement.sequence,
        line=movement.line,
        time_ns=movement.time_ns,
        account=account,
        kind=movement.kind,
        market=movement.market,
        amount=-movement.amount if is_gone else movement.amount,
        balance=movement.from_balance if is_gone else movement.to_balance,
        from_account=movement.from_account,
        to_account=movement.to_account,
        trade_id=movement.trade_id,
        reference=movement.reference,
        price_cents=movement.price_cents,
    )
