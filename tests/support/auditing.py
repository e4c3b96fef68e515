"""An exchange's data directory with a journal, its checkpoints, and hands that tamper with both."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, NoReturn
from unittest.mock import patch

from waiver_exchange.application.accounts import create_account
from waiver_exchange.application.audit_facts import Fact, decode_facts
from waiver_exchange.application.chain import chain_hash
from waiver_exchange.application.checkpoints.checkpoint import SignedCheckpoint
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.markets import Listing, halt_market, list_player, resume_market
from waiver_exchange.application.ports import GENESIS_CHAIN
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.bootstrap import checkpoint_data_directory, running_exchange
from waiver_exchange.config import Settings
from waiver_exchange.domain.audit_events import AuditEvent
from waiver_exchange.domain.codes import RECORD_AUDIT
from waiver_exchange.domain.commands import decode_command
from waiver_exchange.domain.refusals import RefusalReason

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


async def recorded_events(exchange: Exchange, name: str) -> list[dict[str, Fact]]:
    """Return the facts of the journaled audit events of a kind, with their actor."""
    while exchange.writer._queue:  # noqa: ASYNC110 - nobody tells when it is empty
        await asyncio.sleep(0)
    await exchange.writer.at_rest()
    rows = await exchange.journal.read(after=0, limit=10_000)
    commands = [decode_command(row.command) for row in rows]
    own = [command for command in commands if command.kind == RECORD_AUDIT and command.words[3] == AuditEvent[name]]
    return [{**decode_facts(command.tail), "actor": command.words[4]} for command in own]


@contextmanager
def without_a_journal(exchange: Exchange) -> Iterator[None]:
    """Let the journal take no rows for a while."""

    async def refuse(*_: object, **__: object) -> NoReturn:
        raise RefusedError(RefusalReason.journal_is_unavailable)

    def refuse_at_once(*_: object, **__: object) -> NoReturn:
        raise RefusedError(RefusalReason.journal_is_unavailable)

    sequencer = exchange.sequencer
    with patch.object(sequencer, "submit", refuse), patch.object(sequencer, "begin", refuse_at_once):
        yield
