"""What the handlers of one row's events share: the row, the state, what changed, and the ledger's running balances."""

from dataclasses import dataclass, field
from typing import Final, final

from librt.strings import read_i64_le
from mypy_extensions import i64

from waiver_exchange.domain import codes
from waiver_exchange.projections.changes import PendingChanges
from waiver_exchange.projections.feed_buffer import FeedBuffer
from waiver_exchange.projections.state import LedgerPosting, OrderView, PostingKind, ReadModelState

WORD: Final = 8


class LedgerMismatchError(Exception):
    """An account's cash after a row is not its cash before it plus the row's postings: cash appeared or vanished."""


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

    def post(
        self,
        account: int,
        amount_micros: int,
        *,
        kind: PostingKind,
        counterpart: int,
        trade_id: int,
        reference: str = "",
    ) -> None:
        """Add a posting to an account's ledger; amounts of 0 move nothing and are left out.

        Balances are counted here, from the cash before the row, because the engine says a taker's new cash only at the
        end of the row.
        """
        if amount_micros == 0:
            return
        balances = self.balances
        balance = balances.get(account)
        if balance is None:
            balance = self.state.accounts[account].cash_micros
        balances[account] = balance = balance + amount_micros
        self.pending.postings.append(
            LedgerPosting(
                self.sequence,
                self.line,
                self.time_ns,
                account,
                kind,
                amount_micros,
                balance,
                counterpart,
                trade_id,
                reference,
            )
        )
        self.line += 1

    def close_ledger(self) -> None:
        """Compare the engine's balances with the postings, then forget them. Raises `LedgerMismatchError`."""
        accounts = self.state.accounts
        for account, balance in self.balances.items():
            if accounts[account].cash_micros != balance:
                msg = (
                    f"row {self.sequence}: account {account} has {accounts[account].cash_micros} micros, not {balance}"
                )
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
