"""What an exchange does with its databases in the middle of a season: batches written, pages read."""

from collections.abc import Awaitable, Callable
from hashlib import md5
from random import Random
from typing import Any, get_args

from benchmarks.season_filling import ACCOUNTS, BOTS, MARKETS, START_NS, STEP_NS, order_id
from waiver_exchange.adapters.postgres.journal import PostgresJournal
from waiver_exchange.adapters.postgres.read_model import PostgresReadModel
from waiver_exchange.application.ports import JournalRow
from waiver_exchange.application.selections import (
    CandleSelection,
    FillSelection,
    LedgerSelection,
    OrderSelection,
    TradeSelection,
)
from waiver_exchange.projections.changes import ReadModelChanges
from waiver_exchange.projections.state import LedgerMovement, MovementKind, TradeView

KINDS: tuple[MovementKind, ...] = get_args(MovementKind)
PAGE = 101
MINUTE_NS = 60_000_000_000


class Season:
    """The stores of an exchange at an order of the season, and what comes next."""

    def __init__(self, journal: PostgresJournal, store: PostgresReadModel, serial: int) -> None:
        """Go on after the order with the number `serial`."""
        self.journal = journal
        self.store_ = store
        self.serial = serial
        self._stored = serial
        self._random = Random(serial)

    @classmethod
    async def begin(cls, url: str) -> None:
        """Make the read model's first row."""
        store = PostgresReadModel(url)
        await store.load()
        await store.close()

    @classmethod
    async def open(cls, url: str, *, serial: int) -> "Season":
        """Open both stores."""
        return cls(await PostgresJournal.open(url), PostgresReadModel(url), serial)

    async def close(self) -> None:
        """Store what the journal is ahead by, and give everything back."""
        await self.journal.close()
        await self.store_.close()

    async def append(self, count: int) -> None:
        """Write the next rows to the journal."""
        rows = []
        for serial in range(self.serial + 1, self.serial + count + 1):
            key = md5(b"key%d" % serial, usedforsecurity=False).digest()
            time_ns = START_NS + serial * STEP_NS
            rows.append(JournalRow(serial, time_ns, 7, key, key * 6, key * 13, key * 2))
        await self.journal.append(rows)
        self.serial += count

    async def store(self, count: int) -> None:
        """Write the changes of the next rows to the read model; the journal is ahead."""
        last = self._stored + count
        if last > self.serial:
            await self.append(last - self.serial)
        await self.store_.store(self._changes(self._stored, last))
        self._stored = last

    def _changes(self, after: int, last: int) -> ReadModelChanges:
        serials = range(after + 1, last + 1)
        placed = [(serial, self.market(), self.account(), self.account()) for serial in serials]
        at = {serial: START_NS + serial * STEP_NS for serial in serials}
        traded = [one for one in placed if one[0] % 2 == 0]
        orders = [
            (order_id(s), account, market, s % 2, str(s), 100_000, 0, 2_500, at[s] + 1, at[s], at[s])
            + (("filled", "", 100_000, 250_000_000) if s % 2 == 0 else ("cancelled", "requested", 0, 0))
            + (0, 0, 0, 0, 0)
            for s, market, account, _ in placed
        ]
        trades = [
            TradeView(
                s // 2, s, at[s], market, 2_500, 100_000, 0, order_id(s - 1 - s * 7919 % 1_000), order_id(s),
                maker, account, 0, 0, 100_000, 100_000,
            )
            for s, market, account, maker in traded
        ]  # fmt: skip
        movements = [
            LedgerMovement(
                s, line, at[s], "trade", market * line, 250_000_000, source, 10**9, to, 10**9, s // 2, "", 2_500
            )
            for s, market, account, maker in traded
            for line, source, to in ((0, account, maker), (1, maker, account))
        ]
        touched = {(account, market) for _, market, taker, maker in traded for account in (taker, maker)}
        minutes = {
            (length, market, at[s] - at[s] % (length * MINUTE_NS)) for s, market, *_ in traded for length in (1, 60)
        }
        return ReadModelChanges(
            after_sequence=after,
            sequence=last,
            time_ns=at[last],
            exchange=(0, 0, *range(13)),
            accounts=tuple((account, 10**9, 0, False, 1, 0) for account in {account for account, _ in touched}),
            limits=(),
            holdings=tuple((*key, 10**6, 0, 10**6, 0) for key in touched),
            markets=(),
            orders=tuple(orders),
            trades=tuple(trades),
            movements=tuple(movements),
            candles=tuple((*key, 2_500, 2_500, 2_500, 2_500, 100_000, 250_000_000, 1) for key in minutes),
            quotes=(),
        )

    def market(self) -> int:
        """Draw a market."""
        return 1 + int(MARKETS * self._random.random() ** 2)

    def account(self) -> int:
        """Draw an account."""
        bots = self._random.random() < 0.2
        return 2 + self._random.randrange(BOTS) if bots else 2 + BOTS + self._random.randrange(ACCOUNTS)

    def moment(self) -> int:
        """Draw the number of an order of the past."""
        return self._random.randrange(1, self.serial)


def reads_of(season: Season, random: Random) -> dict[str, Callable[[], Awaitable[Any]]]:
    """Return the pages that are asked for, by name; each asks for another account, market and moment every time."""
    store = season.store_

    def bot() -> int:
        return random.randrange(2, 2 + BOTS)

    def person() -> int:
        return random.randrange(2 + BOTS, 2 + BOTS + ACCOUNTS)

    def at(serial: int) -> int:
        return START_NS + serial * STEP_NS

    def fills(account: int, before_trade: int | None = None) -> Awaitable[Any]:
        return store.list_fills(
            FillSelection(trades=TradeSelection(before_trade=before_trade), account=account), limit=PAGE
        )

    def ledger(account: int, kinds: tuple[MovementKind, ...] = KINDS, **bounds: Any) -> Awaitable[Any]:  # noqa: ANN401
        return store.list_movements(LedgerSelection(account=account, kinds=kinds, **bounds), limit=PAGE)

    def orders(account: int | None, **bounds: Any) -> Awaitable[Any]:  # noqa: ANN401
        return store.list_orders(OrderSelection(account=account, is_open=False, **bounds), limit=PAGE)

    def key() -> bytes:
        return md5(b"key%d" % season.moment(), usedforsecurity=False).digest()

    def fills_of_order() -> Awaitable[Any]:
        taken = season.moment() // 2 * 2 or 2
        return store.list_fills(
            FillSelection(trades=TradeSelection(), account=person(), order_id=order_id(taken)), limit=PAGE
        )

    def hour_candles() -> Awaitable[Any]:
        return store.list_candles(CandleSelection(market=season.market(), minutes=60), limit=PAGE * 5)

    def minute_candles() -> Awaitable[Any]:
        selection = CandleSelection(market=season.market(), minutes=1, end_ns=at(season.moment()))
        return store.list_candles(selection, limit=1_440)

    def tape_before() -> Awaitable[Any]:
        selection = TradeSelection(market=season.market(), end_ns=at(season.moment()))
        return store.list_trades(selection, limit=PAGE)

    def balances() -> Awaitable[Any]:
        times = [at(season.moment()) for _ in range(90)]
        return store.list_balances(account=person(), market=0, times_ns=times, until_sequence=season.serial)

    return {
        "find 1 key": lambda: season.journal.find([key()]),
        "find 64 keys": lambda: season.journal.find([key() for _ in range(64)]),
        "find 64 new keys": lambda: season.journal.find([random.randbytes(16) for _ in range(64)]),
        "one order": lambda: store.find_order(order_id(season.moment())),
        "own orders, newest": lambda: orders(person()),
        "own orders before a moment": lambda: orders(person(), until_ns=at(season.moment())),
        "own orders of 3 markets": lambda: orders(person(), markets=(1, 2, 3)),
        "all orders before a moment": lambda: orders(None, until_ns=at(season.moment())),
        "own fills, newest": lambda: fills(person()),
        "own fills before a trade": lambda: fills(person(), before_trade=season.moment() // 2),
        "a bot's fills, newest": lambda: fills(bot()),
        "fills of one order": fills_of_order,
        "own ledger, newest": lambda: ledger(person()),
        "own ledger before a row": lambda: ledger(person(), before=(season.moment(), 0)),
        "a bot's ledger, newest": lambda: ledger(bot()),
        "own deposits": lambda: ledger(person(), kinds=("deposit",)),
        "tape, newest": lambda: store.list_trades(TradeSelection(market=season.market()), limit=PAGE),
        "tape before a moment": tape_before,
        "500 candles of an hour": hour_candles,
        "1,440 candles of a minute": minute_candles,
        "own cash at 90 times": balances,
    }
