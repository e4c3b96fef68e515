"""An exchange's data directory with a journal, its checkpoints, and hands that tamper with both."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from waiver_exchange.application.accounts import create_account
from waiver_exchange.application.chain import chain_hash
from waiver_exchange.application.checkpoints.checkpoint import SignedCheckpoint
from waiver_exchange.application.markets import Listing, halt_market, list_player, resume_market
from waiver_exchange.application.ports import GENESIS_CHAIN
from waiver_exchange.bootstrap import checkpoint_data_directory, running_exchange
from waiver_exchange.config import Settings

Row = list[Any]
PLAYER: Final = Listing(symbol="A", name="A", position="QB", team="KC", supply_units=10_000, reference_price_cents=900)
_COLUMNS = "sequence, time_ns, account, key, command, events, chain"


async def make_history(settings: Settings, *, rows: int = 10, checkpoints: int = 1) -> list[SignedCheckpoint]:
    """Let things happen in an exchange, and sign a checkpoint after each part."""
    made = []
    for part in range(checkpoints):
        async with running_exchange(settings) as exchange:
            if part == 0:
                await create_account(exchange, name="Ann", cash_micros=1_000_000_000)
                await list_player(
                    exchange,
                    Listing(
                        symbol="A", name="A", position="QB", team="KC", supply_units=10_000, reference_price_cents=9
                    ),
                )
            for number in range(rows):
                await (halt_market if number % 2 == 0 else resume_market)(exchange, symbol="A")
        checkpoint = await checkpoint_data_directory(settings)
        assert checkpoint is not None
        made.append(checkpoint)
    return made


def read_rows(settings: Settings) -> list[Row]:
    """Return the rows of a journal that nobody has open."""
    with closing(sqlite3.connect(settings.data_dir / "journal.db")) as database:
        return [list(row) for row in database.execute(f"SELECT {_COLUMNS} FROM journal ORDER BY sequence")]  # noqa: S608 - constant


def write_rows(settings: Settings, rows: Sequence[Row]) -> None:
    """Put other rows in the place of a journal's, as one who can write the file can."""
    with closing(sqlite3.connect(settings.data_dir / "journal.db")) as database:
        # The file guards itself against mistakes, not against its owner.
        guards = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in guards:
            database.execute(f"DROP TRIGGER {name}")
        database.execute("DELETE FROM journal")
        database.executemany(f"INSERT INTO journal ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)", rows)  # noqa: S608 - constant
        for _, guard in guards:
            database.execute(guard)
        database.commit()


def chained(rows: Sequence[Row]) -> list[Row]:
    """Return rows numbered and chained anew, as whoever can write the journal would do to hide what he did."""
    previous = GENESIS_CHAIN
    done: list[Row] = []
    for sequence, (_, time_ns, account, key, command, events, _) in enumerate(rows, start=1):
        previous = chain_hash(previous=previous, sequence=sequence, key=key, command=command, events=events)
        done.append([sequence, time_ns, account, key, command, events, previous])
    return done


def tamper(settings: Settings, change: Callable[[list[Row]], list[Row]]) -> None:
    """Change a journal's rows."""
    write_rows(settings, change(read_rows(settings)))


def published(settings: Settings, folder: Path) -> Path:
    """Return a copy of the checkpoints that an auditor took away earlier."""
    copy = folder / "published.txt"
    copy.write_bytes((settings.data_dir / "checkpoints" / "checkpoints.txt").read_bytes())
    return copy
