"""What the handlers of one row's events share: the row, the state, what changed, and the ledger's running balances."""

from dataclasses import dataclass, field
from typing import Final, final

from librt.strings import read_i64_le
from mypy_extensions import i64

from waiver_exchange.domain import codes
from waiver_exchange.projections.changes import PendingChanges
from waiver_exchange.projections.feed_buffer import FeedBuffer
from waiver_exchange.projections.state import LedgerMovement, MovementKind, OrderView, ReadModelState

WORD: Final = 8
# An account and a market in one number: far more markets than there will be.
_ACCOUNT_KEY: Final = 16_777_216


class LedgerMismatchError(Exception):
    """What an account has after a row is not what it had before plus the row's movements."""


@final
@dataclass
class RowContext:
    """The row that is being folded; one object serves all rows. `balances` is empty between rows.

    `replaced` is the order of the row's `ORDER_REPLACED`, until the order that takes its place is added.
    """

    state: ReadModelState
    pending: PendingChanges
    feed: FeedBuffer = field(default_factory=FeedBuffer)
    sequence: int = 0
    time_ns: int = 0
    command: bytes = b""
    events: bytes = b""
    balances: dict[int, int] = field(default_factory=dict)
    line: int = 0
    replaced: OrderView | None = None

    def move(  # noqa: PLR0917 -- by place, because every trade comes by here
        self,
        amount: i64,
        kind: MovementKind,
        market: i64,
        from_account: i64,
        to_account: i64,
        trade_id: i64,
        reference: str = "",
        price_cents: i64 = 0,
    ) -> None:
        """Add a movement of cash (market 0) or shares to the ledger; amounts of 0 move nothing and are left out.

        Balances are counted here, from those before the row, because the engine says a taker's new ones only at the
        end of the row. Call it before the state shows what was issued.
        """
        if amount == 0:
            return
        balances = self.balances
        from_key = from_account * _ACCOUNT_KEY + market
        to_key = to_account * _ACCOUNT_KEY + market
        known = balances.get(from_key)
        from_balance = (self._balance(from_account, market) if known is None else known) - amount
        balances[from_key] = from_balance
        known = balances.get(to_key)
        to_balance = (self._balance(to_account, market) if known is None else known) + amount
        balances[to_key] = to_balance
        movement = LedgerMovement(
            self.sequence,
            self.line,
            self.time_ns,
            kind,
            market,
            amount,
            from_account,
            from_balance,
            to_account,
            to_balance,
            trade_id,
            reference,
            price_cents,
        )
        self.state.ledger.append(movement)
        self.pending.movements.append(movement)
        self.line += 1

    def _balance(self, account: i64, market: i64) -> int:
        """Return what an account has as of the last row; the operator lacks all that was issued."""
        state = self.state
        if account == codes.OPERATOR:
            if market == 0:
                return -state.cash_issued_micros
            return -state.markets[market].supply_units
        if market == 0:
            return state.accounts[account].cash_micros
        own = state.holdings.get(account)
        holding = None if own is None else own.get(market)
        return 0 if holding is None else holding.quantity_units

    def close_ledger(self) -> None:
        """Compare the engine's balances with the movements, then forget them. Raises `LedgerMismatchError`."""
        for key, balance in self.balances.items():
            account = key // _ACCOUNT_KEY
            market = key % _ACCOUNT_KEY
            told = self._balance(account, market)
            if told != balance:
                what = "micros" if market == 0 else f"units of market {market}"
                msg = f"row {self.sequence}: account {account} has {told} {what}, not {balance}"
                raise LedgerMismatchError(msg)
        self.balances.clear()
        self.line = 0

    def command_text(self) -> str:
        """Return the text behind the command's words, or an empty one."""
        header = read_word(self.command, 0, 0)
        length = header >> codes.HEADER_TAIL_SHIFT
        if length == 0:
            return ""
        start = (header >> codes.HEADER_WORDS_SHIFT & 0xFFFF) * WORD
        return self.command[start : start + length].decode()


def read_word(events: bytes, at: i64, index: i64) -> i64:
    """Return a word of the event whose header stands at byte `at`. Raises `IndexError` behind the end."""
    return read_i64_le(events, at + index * WORD)
