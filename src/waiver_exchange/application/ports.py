"""What the application needs from the outside world, as protocols that adapters implement."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from waiver_exchange.application.selections import (
    AuditSelection,
    CandleSelection,
    FillSelection,
    LedgerSelection,
    OrderSelection,
    QuoteSelection,
    TradeSelection,
)
from waiver_exchange.projections.actions import ActionView
from waiver_exchange.projections.audit_trail import AuditView
from waiver_exchange.projections.candles import CandleView
from waiver_exchange.projections.changes import ReadModelChanges
from waiver_exchange.projections.state import LedgerMovement, OrderView, QuoteView, ReadModelState, TradeView

if TYPE_CHECKING:
    from waiver_exchange.application.identity_changes import SettingsChange
    from waiver_exchange.application.identity_memory.uses import KeyUse

GENESIS_CHAIN: Final = bytes(32)


class JournalRow(NamedTuple):
    """One command and what came of it.

    `sequence` counts from 1 without gaps; `key` is the 16-byte digest of the command's own id (client order id, deposit
    reference, ...) or None; `chain` = SHA-256 over the previous row's chain, the sequence, the key, command and events.
    """

    sequence: int
    time_ns: int
    account: int
    key: bytes | None
    command: bytes
    events: bytes
    chain: bytes


# The columns of a `JournalRow` as a plain tuple: making a million named ones takes a third of a second.
PlainRow = tuple[int, int, int, bytes | None, bytes, bytes, bytes]


class JournalError(Exception):
    """The journal could not be read or written; the message says what is wrong and what the operator can do."""


class UnfitJournalError(JournalError):
    """This program must not use the journal as it is; waiting does not change that, the operator does."""


class WrongJournalError(UnfitJournalError):
    """The settings name a journal that is not the one of this exchange."""


class JournalBrokenError(Exception):
    """The journal is not what was written: nothing may go on from it. The message names the place and what to do."""


class FencedError(JournalBrokenError):
    """Another engine writes to the journal now: this one wrote nothing since, and has to end."""

    def __init__(self, holder: str) -> None:
        """Name who took over."""
        super().__init__(
            f"Another engine took over: {holder}. This one can write nothing any more and ends; everything that it "
            "acknowledged is in the journal."
        )


class Journal(Protocol):
    """The append-only table that is the one source of truth."""

    async def append(self, rows: Sequence[JournalRow]) -> None:
        """Write rows in one transaction; they are durable when this returns.

        Raises `JournalError`: then it is unknown whether they were written, and the caller must read back before it
        writes again.
        """

    async def last(self) -> JournalRow | None:
        """Return the newest row, or None for an empty journal. Raises `JournalError`."""

    async def read(self, *, after: int, limit: int) -> list[JournalRow]:
        """Return up to `limit` rows with a sequence above `after`, in order. Raises `JournalError`."""

    async def read_plain(self, *, after: int, limit: int) -> list[PlainRow]:
        """Return the same rows as `read`, for going through many of them. Raises `JournalError`."""

    async def find(self, keys: Sequence[bytes]) -> dict[bytes, JournalRow]:
        """Return the durable rows that carry one of the keys. Raises `JournalError`."""

    async def find_damage(self) -> str | None:
        """Return what is wrong with the store itself, below its rows, or None. Raises `JournalError`."""

    async def check_writable(self) -> None:
        """Write something durable that is no row, to see whether the next row could be. Raises `JournalError`."""

    async def watch(self, suspect: Callable[[JournalError], None]) -> None:
        """Hold on to being the only writer, for good; `suspect` is told when the store is out of reach.

        Raises `FencedError` when another process has taken over.
        """

    async def close(self) -> None:
        """Give the store back; pending writes are finished first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The engine's canonical state after a row, so that restart need not read the rows before it."""

    sequence: int
    time_ns: int
    chain: bytes
    state: bytes


class SnapshotStore(Protocol):
    """Keeps the newest snapshots; losing all of them costs time at restart and nothing else."""

    async def load_latest(self) -> Snapshot | None:
        """Return the newest snapshot that is whole, skipping damaged ones, or None."""

    async def store(self, snapshot: Snapshot) -> None:
        """Keep a snapshot durably and drop those older than the last two."""


class ReadModelStore(Protocol):
    """History that outgrows memory: orders, trades, ledger, candles; rebuilt from the journal when lost."""

    async def load(self) -> ReadModelState:
        """Return the state that the projections continue from (with its `sequence`), or an empty one."""

    async def store(self, changes: ReadModelChanges) -> None:
        """Write changes and the checkpoint in one transaction.

        Of quotes it keeps those from `candles.quotes_kept_from` on, counted from the checkpoint's time.
        """

    async def stored_until(self) -> tuple[int, int]:
        """Return the checkpoint: the newest row that is stored, and its time (UNIX nanoseconds)."""

    async def find_order(self, order_id: int) -> OrderView | None:
        """Return an order as of the checkpoint."""

    async def list_orders(self, selection: OrderSelection, *, limit: int) -> list[OrderView]:
        """Return the first `limit` orders of a selection as of the checkpoint, in the selection's order."""

    async def find_orders(self, order_ids: Sequence[int]) -> list[OrderView]:
        """Return those of the orders that are there as of the checkpoint."""

    async def list_trades(self, selection: TradeSelection, *, limit: int) -> list[TradeView]:
        """Return the first `limit` trades of a selection as of the checkpoint, in the selection's order."""

    async def list_movements(self, selection: LedgerSelection, *, limit: int) -> list[LedgerMovement]:
        """Return the first `limit` movements of a selection as of the checkpoint, in the selection's order."""

    async def list_balances(
        self, *, account: int, market: int, times_ns: Sequence[int], until_sequence: int
    ) -> list[int]:
        """Return what an account had of cash (market 0) or shares before each of the times.

        Rows of the journal behind `until_sequence` are left out.
        """

    async def sum_shares_moved(
        self, *, account: int, market: int, start_ns: int, after_sequence: int, until_sequence: int
    ) -> tuple[int, int, int]:
        """Return the shares that came to an account, their value by price (micro-dollars), and those that went.

        From a time on, behind one row of the journal and up to another one.
        """

    async def list_closes(self, *, market: int, times_ns: Sequence[int]) -> list[int]:
        """Return the price of the last trade before each of the times, which begin minutes; 0 for none."""

    async def list_quotes(self, selection: QuoteSelection, *, limit: int) -> list[QuoteView]:
        """Return the first `limit` quotes of a selection as of the checkpoint, in the selection's order."""

    async def list_candles(self, selection: CandleSelection, *, limit: int) -> list[CandleView]:
        """Return the first `limit` candles of a selection as of the checkpoint, in the selection's order."""

    async def find_action(self, action_id: str) -> ActionView | None:
        """Return an operator's action as of the checkpoint, or None."""

    async def list_audit(self, selection: AuditSelection, *, limit: int) -> list[AuditView]:
        """Return the first `limit` audit events of a selection as of the checkpoint, in the selection's order."""

    async def list_actions(self, *, before_sequence: int | None, limit: int) -> list[ActionView]:
        """Return the newest `limit` actions of operators as of the checkpoint, newest first."""

    async def list_fills(self, selection: FillSelection, *, limit: int) -> list[TradeView]:
        """Return the first `limit` trades of a selection as of the checkpoint, in the selection's order."""

    async def close(self) -> None:
        """Give the store back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key by which a program acts for an account; of the secret only the SHA-256 is kept.

    Times of 0 mean never. `last_used_at_ns` is as of the moment when the key was looked up.
    """

    key_id: str
    account: int
    secret_hash: bytes
    created_at_ns: int
    name: str = ""
    scopes: frozenset[str] = frozenset()
    last_used_at_ns: int = 0
    revoked_at_ns: int = 0

    @property
    def is_usable(self) -> bool:
        """Whether the key still opens anything."""
        return self.revoked_at_ns == 0


class RequestRates(NamedTuple):
    """An account's own limits, which the operator set; None leaves one as it is for everybody, 0 lifts it.

    The first two are for each key and session, the others for all of the account's together.
    """

    orders_per_second: int | None = None
    reads_per_second: int | None = None
    account_orders_per_second: int | None = None
    account_reads_per_second: int | None = None


class IdentityError(Exception):
    """Names and keys could not be read or written; the message says what the operator can do."""


class IdentityStore(Protocol):
    """Who is behind an account: names and API keys. Not in the journal, because it may have to be forgotten."""

    @property
    def problem(self) -> str | None:
        """Why the newest change of it, or of people and sessions beside it, could not be stored."""

    async def check_writable(self) -> None:
        """Try to store something that changes nothing, after a problem. Raises `IdentityError`."""

    async def add_account(self, *, account: int, name: str, opened_at_ns: int) -> None:
        """Keep an account's name durably, with the journal's time at which it was opened; the first name stays.

        Raises `IdentityError`.
        """

    async def add_key(self, key: ApiKey) -> None:
        """Keep a key durably. Raises `IdentityError`."""

    async def rename_key(self, key_id: str, *, name: str) -> ApiKey:
        """Give a key another name durably and return it. Raises `IdentityError`."""

    async def revoke_key(self, key_id: str, *, at_ns: int) -> ApiKey:
        """End a key durably and return it; of those revoked long ago only the newest are kept.

        Raises `IdentityError`.
        """

    def find_key(self, key_id: str) -> ApiKey | None:
        """Return a key that may be used, from memory; its last use is that of the store."""

    def list_keys(self, account: int) -> list[ApiKey]:
        """Return an account's keys with their last uses, also the revoked ones, oldest first, from memory."""

    def note_use(self, key_id: str, *, at_ns: int) -> None:
        """Remember in memory that a key was used."""

    def note_uses(self, uses: "Iterable[KeyUse]") -> None:
        """Remember in memory uses that were noted elsewhere, unless a later one is known."""

    async def store_uses(self) -> None:
        """Keep the last uses that were noted since the last time. Raises `IdentityError`."""

    async def set_rates(self, *, account: int, rates: RequestRates) -> None:
        """Keep an account's own limits durably. Raises `IdentityError`."""

    def find_rates(self, account: int) -> RequestRates | None:
        """Return an account's own limits, from memory."""

    def find_name(self, account: int) -> str | None:
        """Return an account's name, from memory."""

    def list_accounts(self) -> Iterable[tuple[int, int]]:
        """Return every account with the journal's time (UNIX nanoseconds) at which it was opened, from memory."""

    def find_account(self, name: str) -> int | None:
        """Return the first account of a name, from memory."""

    async def close(self) -> None:
        """Give the store back."""


class PreferencesError(Exception):
    """Preferences could not be read or written; the message says what the operator can do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    """What an account's owner chose about trading; the defaults are those of an account that never chose."""

    suspend_trade: bool = False
    fractional_trading: bool = True
    no_shorting: bool = True
    max_margin_multiplier: str = "1"
    trade_confirm_email: str = "none"
    ptp_no_exception_entry: bool = False
    dtbp_check: str = "entry"
    pdt_check: str = "entry"
    max_options_trading_level: int = 0
    disable_overnight_trading: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Watchlist:
    """Symbols that an account keeps together under a name of its own; `number` counts all watchlists from 1."""

    number: int
    account: int
    name: str
    symbols: tuple[str, ...]
    created_at_ns: int
    updated_at_ns: int


class PreferencesStore(Protocol):
    """What owners choose for themselves. Not in the journal: no balance and no book depends on it."""

    def watch(self, listener: "Callable[[SettingsChange], None]") -> Callable[[], None]:
        """Tell a listener of every change of settings, in the step in which memory follows; return what ends it."""

    def dump(self) -> "Iterable[SettingsChange]":
        """Return all settings that were chosen, as the changes that lead to them."""

    def find_settings(self, account: int) -> AccountSettings:
        """Return an account's settings, from memory."""

    async def change_settings(
        self, account: int, change: Callable[[AccountSettings], AccountSettings]
    ) -> AccountSettings:
        """Keep what `change` makes of an account's settings, durably; no other change comes between.

        Raises `PreferencesError` and what `change` raises.
        """

    async def list_watchlists(self, account: int) -> list[Watchlist]:
        """Return an account's watchlists in the order of their making. Raises `PreferencesError`."""

    async def change_watchlists(self, account: int, change: Callable[[list[Watchlist], int], Watchlist]) -> Watchlist:
        """Keep the watchlist that `change` returns, durably, and return it; no other change comes between.

        `change` gets the account's watchlists and the number of a new one. Raises `PreferencesError` and what
        `change` raises.
        """

    async def remove_watchlist(self, account: int, number: int) -> bool:
        """Forget a watchlist; return whether there was one. Raises `PreferencesError`."""

    async def forget(self, account: int) -> None:
        """Forget an account's settings and watchlists, and every trace of them. Raises `PreferencesError`."""

    async def close(self) -> None:
        """Give the store back."""


class Clock(Protocol):
    """Where time comes from; only the sequencer and entry points look at it."""

    def now_ns(self) -> int:
        """Return UNIX time in nanoseconds; it may jump back."""
