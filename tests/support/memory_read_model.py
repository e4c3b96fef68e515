"""The read model's store without a disk."""

from collections.abc import Callable, Sequence

from waiver_exchange.application.ports import ReadModelStore
from waiver_exchange.application.selections import (
    AuditSelection,
    CandleSelection,
    FillSelection,
    LedgerSelection,
    OrderSelection,
    QuoteSelection,
    TradeSelection,
)
from waiver_exchange.domain.commands import AccountLimits, ExchangeParameters
from waiver_exchange.projections.actions import ActionView
from waiver_exchange.projections.audit_trail import AuditView
from waiver_exchange.projections.candles import KEPT_NS, MINUTE_NS, CandleView, quotes_kept_from
from waiver_exchange.projections.changes import ReadModelChanges, ReadModelError
from waiver_exchange.projections.state import (
    MARKET_COLUMNS,
    TAPE_TRADES_MAX,
    AccountView,
    BustView,
    HoldingView,
    LedgerMovement,
    MarketView,
    OrderView,
    QuoteView,
    ReadModelState,
    Row,
    TradeView,
    book_from,
    rest_orders,
)

_KEY_COLUMNS = {
    "accounts": 1,
    "limits": 2,
    "holdings": 2,
    "markets": 1,
    "orders": 1,
    "trades": 1,
    "candles": 3,
    "movements": 2,
    "quotes": 2,
    "actions": 1,
    "busts": 1,
    "audit": 1,
}
_PARAMETERS = tuple(ExchangeParameters.__slots__)
_LIMITS = tuple(AccountLimits.__slots__)


class MemoryReadModel(ReadModelStore):
    """Keeps the rows in dictionaries; `fail_next_store` makes the next write fail whole."""

    def __init__(self) -> None:
        self.sequence = 0
        self.time_ns = 0
        self.exchange: Row = ()
        self.tables: dict[str, dict[tuple[object, ...], Row]] = {}
        self.fail_next_store = False

    async def load(self) -> ReadModelState:
        state = ReadModelState(sequence=self.sequence, time_ns=self.time_ns)
        if self.exchange:
            halted, state.cash_issued_micros, *parameters = self.exchange  # type: ignore[assignment]
            state.is_halted = bool(halted)
            state.parameters = ExchangeParameters(**dict(zip(_PARAMETERS, parameters, strict=True)))  # type: ignore[arg-type]
        for row in self._rows("accounts"):
            account = AccountView(*row)  # type: ignore[arg-type]
            state.accounts[account.account] = account
        for scope, number, *limits in self._rows("limits"):
            state.limits[int(scope), int(number)] = AccountLimits(**dict(zip(_LIMITS, limits, strict=True)))  # type: ignore[arg-type]
        for row in self._rows("holdings"):
            state.add_holding(HoldingView(*row))  # type: ignore[arg-type]
        own = len(MARKET_COLUMNS)
        for market in self._rows("markets"):
            state.add_market(MarketView(*market[:own]), book=book_from(market[own:]))  # type: ignore[arg-type]
        rest_orders((order for order in self._orders() if order.is_open), state=state)
        kept_from = self.time_ns - self.time_ns % MINUTE_NS - KEPT_NS
        for candles in state.candles.values():
            minutes, hours = (self._candles(candles.market, length) for length in (1, 60))
            candles.restore(
                [minute for minute in minutes if minute.time_ns >= kept_from],
                hour=hours[-1] if hours else None,
                close_before_cents=next((m.close_cents for m in reversed(minutes) if m.time_ns < kept_from), 0),
            )
            candles.advance(self.time_ns)
        state.actions.update({action.action_id: action for action in self._actions() if action.is_open})
        busts = [BustView(*row) for row in self._rows("busts")]  # type: ignore[arg-type]
        state.busts.update((bust.trade_id, bust) for bust in busts)
        state.tape.extend(self._trades()[-TAPE_TRADES_MAX:])
        return state

    async def store(self, changes: ReadModelChanges) -> None:
        if self.fail_next_store:
            self.fail_next_store = False
            msg = "the disk is full"
            raise ReadModelError(msg)
        if self.sequence not in {changes.after_sequence, changes.sequence}:
            msg = "changes are missing"
            raise ReadModelError(msg)
        for name, key_columns in _KEY_COLUMNS.items():
            table = self.tables.setdefault(name, {})
            table.update({row[:key_columns]: tuple(row) for row in getattr(changes, name)})
        kept_from = quotes_kept_from(changes.time_ns)
        self.tables["quotes"] = {key: row for key, row in self.tables["quotes"].items() if int(row[1]) >= kept_from}
        self.sequence, self.time_ns, self.exchange = changes.sequence, changes.time_ns, changes.exchange

    async def stored_until(self) -> tuple[int, int]:
        return self.sequence, self.time_ns

    async def find_order(self, order_id: int) -> OrderView | None:
        return next((order for order in self._orders() if order.order_id == order_id), None)

    async def list_orders(self, selection: OrderSelection, *, limit: int) -> list[OrderView]:
        orders = self._orders() if selection.is_ascending else self._orders()[::-1]
        return [order for order in orders if selection.includes(order)][:limit]

    async def find_orders(self, order_ids: Sequence[int]) -> list[OrderView]:
        return [order for order in self._orders() if order.order_id in order_ids]

    async def list_trades(self, selection: TradeSelection, *, limit: int) -> list[TradeView]:
        return self._matching(selection.includes, limit, is_ascending=selection.is_ascending)

    async def list_fills(self, selection: FillSelection, *, limit: int) -> list[TradeView]:
        return self._matching(selection.includes, limit, is_ascending=selection.trades.is_ascending)

    async def list_movements(self, selection: LedgerSelection, *, limit: int) -> list[LedgerMovement]:
        movements = self._movements() if selection.is_ascending else self._movements()[::-1]
        return [movement for movement in movements if selection.includes(movement)][:limit]

    async def list_balances(
        self, *, account: int, market: int, times_ns: Sequence[int], until_sequence: int
    ) -> list[int]:
        balances = [(-1, 0)]
        for movement in self._movements():
            if movement.sequence > until_sequence:
                continue
            if movement.market == market and movement.from_account == account:
                balances.append((movement.time_ns, movement.from_balance))
            if movement.market == market and movement.to_account == account:
                balances.append((movement.time_ns, movement.to_balance))
        return [[balance for at_ns, balance in balances if at_ns < time_ns][-1] for time_ns in times_ns]

    async def sum_shares_moved(
        self, *, account: int, market: int, start_ns: int, after_sequence: int, until_sequence: int
    ) -> tuple[int, int, int]:
        own = [m for m in self._movements() if m.market == market and m.time_ns >= start_ns]
        own = [m for m in own if after_sequence < m.sequence <= until_sequence]
        came = [m for m in own if m.to_account == account]
        gone = [m for m in own if m.from_account == account]
        return sum(m.amount for m in came), sum(m.amount * m.price_cents for m in came), sum(m.amount for m in gone)

    async def list_closes(self, *, market: int, times_ns: Sequence[int]) -> list[int]:
        closes = [(-1, 0), *((minute.time_ns, minute.close_cents) for minute in self._candles(market, 1))]
        return [[close for at_ns, close in closes if at_ns < time_ns][-1] for time_ns in times_ns]

    def _movements(self) -> list[LedgerMovement]:
        return [LedgerMovement(*row) for row in self._rows("movements")]  # type: ignore[arg-type]

    async def list_quotes(self, selection: QuoteSelection, *, limit: int) -> list[QuoteView]:
        quotes = [QuoteView(*row) for row in self._rows("quotes")]  # type: ignore[arg-type]
        ordered = quotes if selection.is_ascending else quotes[::-1]
        return [quote for quote in ordered if selection.includes(quote)][:limit]

    async def list_candles(self, selection: CandleSelection, *, limit: int) -> list[CandleView]:
        candles = self._candles(selection.market, selection.minutes)
        ordered = candles if selection.is_ascending else candles[::-1]
        return [candle for candle in ordered if selection.includes(candle)][:limit]

    async def list_audit(self, selection: AuditSelection, *, limit: int) -> list[AuditView]:
        events = [AuditView(*row) for row in self._rows("audit")]  # type: ignore[arg-type]
        ordered = events if selection.is_ascending else events[::-1]
        return [event for event in ordered if selection.includes(event)][:limit]

    async def find_action(self, action_id: str) -> ActionView | None:
        return next((action for action in self._actions() if action.action_id == action_id), None)

    async def list_actions(self, *, before_sequence: int | None, limit: int) -> list[ActionView]:
        newest = reversed(self._actions())
        return [action for action in newest if before_sequence is None or action.sequence < before_sequence][:limit]

    def _actions(self) -> list[ActionView]:
        return [ActionView(*row) for row in self._rows("actions")]  # type: ignore[arg-type]

    def _candles(self, market: int, minutes: int) -> list[CandleView]:
        candles = (CandleView(*row) for row in self._rows("candles"))  # type: ignore[arg-type]
        return [candle for candle in candles if (candle.market, candle.minutes) == (market, minutes)]

    def _matching(self, includes: Callable[[TradeView], bool], limit: int, *, is_ascending: bool) -> list[TradeView]:
        trades = self._trades() if is_ascending else self._trades()[::-1]
        return [trade for trade in trades if includes(trade)][:limit]

    async def close(self) -> None:
        pass

    def _rows(self, table: str) -> list[Row]:
        return [row for _, row in sorted(self.tables.get(table, {}).items())]

    def _orders(self) -> list[OrderView]:
        return [OrderView(*row) for row in self._rows("orders")]  # type: ignore[arg-type]

    def _trades(self) -> list[TradeView]:
        return [TradeView(*row) for row in self._rows("trades")]  # type: ignore[arg-type]
