"""Move an exchange from the files of a data directory into PostgreSQL, and prove that nothing was lost on the way."""

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import psycopg
from sqlalchemy.exc import SQLAlchemyError

from waiver_exchange.adapters.files.data_directory import DataDirectory
from waiver_exchange.adapters.migrations.lines import IDENTITY, PREFERENCES, READ_MODEL
from waiver_exchange.adapters.migrations.postgres import place_of
from waiver_exchange.adapters.postgres.journal import PostgresJournal
from waiver_exchange.adapters.postgres.transferring import TransferInProgressError, TransferMark
from waiver_exchange.adapters.sql.table_copy import (
    TableFacts,
    TablesDifferError,
    copy_tables,
    count_rows,
    describe_tables,
    postgres_engine,
    sqlite_engine,
)
from waiver_exchange.application.ports import Journal
from waiver_exchange.application.transfer import (
    TransferFinishedError,
    TransferRefusedError,
    check_target,
    copy_journal,
)
from waiver_exchange.application.verify import Verification
from waiver_exchange.bootstrap.backend import open_journal, open_read_model, open_snapshots
from waiver_exchange.bootstrap.exchange import load_projections
from waiver_exchange.bootstrap.migrating import pending_in_data_directory, pending_in_postgres
from waiver_exchange.bootstrap.offline import verify_data_directory
from waiver_exchange.config import Settings

Report = Callable[[str], None]
# Of one row that says nothing about the exchange: which program filled the read model, and the newest change's token.
_OF_THE_STORE: Final = frozenset({"content", "last_change"})


class TransferFailedError(Exception):
    """The transfer came to no good end; the message says why. It can be run again, and the source is as it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transferred:
    """What is in the target now, proven; `rows` counts the rows of each of its tables."""

    sequence: int
    state_hash: str
    rows: dict[str, int] = field(default_factory=dict)


async def transfer_to_postgres(source: Settings, target: Settings, *, report: Report) -> Transferred:
    """Move the exchange of a data directory, whose lock the caller holds, into a migrated and empty database.

    Interrupted it can be run again. Raises `TransferRefusedError`, `TransferInProgressError`, `TransferFailedError`,
    and what opening a store raises.
    """
    _check_not_elsewhere(source, target)
    _check_revisions(source, target)
    try:
        mark = await asyncio.to_thread(TransferMark, target.database_url)
    except psycopg.Error as error:
        raise TransferFailedError(f"The target refused or was not reached: {str(error).strip()}") from error
    try:
        return await _Transfer(source=source, target=target, mark=mark, report=report).run()
    except (psycopg.Error, SQLAlchemyError, sqlite3.Error) as error:
        raise TransferFailedError(f"A database failed: {str(error).strip()}. Run the transfer again.") from error
    except TablesDifferError as error:
        raise TransferFailedError(f"The two databases are of different versions: {error}.") from error
    finally:
        mark.close()


def _check_not_elsewhere(source: Settings, target: Settings) -> None:
    """What was moved goes on where it went: moved again, there would be two exchanges from one journal."""
    directory = DataDirectory(source.data_dir)
    place = directory.moved_to()
    if place is not None and place != place_of(target.database_url):
        raise _moved_to(directory, place)


def _moved_to(directory: DataDirectory, place: str) -> TransferRefusedError:
    return TransferRefusedError(
        f"The exchange in {directory.path} was transferred to {place} and goes on there; what is in the files is old. "
        f"Set WAIVER_DATABASE_URL to that database. To go back to the files, without what came since, remove "
        f"{directory.moved_marker} first."
    )


def _check_revisions(source: Settings, target: Settings) -> None:
    for found in (pending_in_data_directory(source), pending_in_postgres(target.database_url)):
        if found.revisions:
            raise TransferRefusedError(
                f"{found.place} is not of this program's version: it lacks "
                f"{', '.join(map(str, found.revisions))}; run `waiver migrate` on it first."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Transfer:
    """The steps, each of which finds what an interrupted run before it has done already."""

    source: Settings
    target: Settings
    mark: TransferMark
    report: Report

    async def run(self) -> Transferred:
        proof = await self._prove(self.source, name="source")
        await self._move_journal()
        await self._move_snapshot()
        await self._fill_read_model()
        for line, path in _other_files(self.source):
            self.report(f"moving {line}")
            await asyncio.to_thread(self._move_tables, line, path)
        found = await self._prove(self.target, name="target")
        if (found.sequence, found.state_hash) != (proof.sequence, proof.state_hash):
            raise TransferFailedError(
                f"The target's state at row {found.sequence:,} is {found.state_hash}, the source's at row "
                f"{proof.sequence:,} {proof.state_hash}."
            )
        rows = await asyncio.to_thread(self._compare_tables)
        await asyncio.to_thread(self.mark.finish)
        return Transferred(
            sequence=found.sequence, state_hash=found.state_hash, rows={"journal": found.sequence} | rows
        )

    async def _prove(self, settings: Settings, *, name: str) -> Verification:
        """Execute a whole journal and compare all that is kept beside it."""
        self.report(f"executing the {name}'s journal")
        found = await verify_data_directory(
            settings, ask_live=None, report=lambda rows: self.report(f"{name}: {rows:,} rows executed")
        )
        if found.difference is not None:
            raise TransferFailedError(f"The {name} is not sound: {found.difference}.")
        return found

    async def _move_journal(self) -> None:
        source = await open_journal(self.source)
        try:
            # Leads while it writes, so that no server can.
            target = await PostgresJournal.open(self.target.database_url)
            try:
                after = await check_target(source=source, target=target)
                await self._begin(source, after=after)
                self.report(f"moving the journal behind row {after:,}")
                await copy_journal(
                    source=source,
                    target=target,
                    after=after,
                    report=lambda rows: self.report(f"journal: {rows:,} rows moved"),
                )
            finally:
                await target.close()
        finally:
            await source.close()

    async def _begin(self, source: Journal, *, after: int) -> None:
        """Leave the mark before anything is written; the target has the rows up to `after`.

        Raises `TransferRefusedError`.
        """
        (first,) = await source.read(after=0, limit=1)
        mark = await asyncio.to_thread(self.mark.read)
        if mark is None and after > 0:
            raise TransferRefusedError(
                "The target holds an exchange that was not transferred into it; transfer into an empty database."
            )
        if mark is not None and mark.origin != first.chain:
            raise TransferRefusedError(
                "Another exchange was or is being transferred into the target; transfer into an empty database."
            )
        if mark is not None and mark.is_finished:
            # What people changed in the database since would be put back to what the files have.
            raise TransferFinishedError(has_all_rows=not await source.read(after=after, limit=1))
        if mark is None:
            directory = DataDirectory(self.source.data_dir)
            place = directory.moved_to()
            if place is not None:  # another database has that address now
                raise _moved_to(directory, place)
            await asyncio.to_thread(self._check_empty)
            await asyncio.to_thread(self.mark.begin, first.chain)

    def _check_empty(self) -> None:
        for line in (READ_MODEL, IDENTITY, PREFERENCES):
            with postgres_engine(self.target.database_url, schema=line.name).connect() as connection:
                counts = count_rows(connection)
            filled = [name for name, count in counts.items() if count and name not in _OF_THE_STORE]
            if filled:
                raise TransferRefusedError(
                    f"The target's table {line.name}.{filled[0]} has rows already; transfer into an empty database."
                )

    async def _move_snapshot(self) -> None:
        """Move the newest snapshot, without which the first start would execute the whole journal."""
        snapshot = await open_snapshots(self.source).load_latest()
        if snapshot is not None:
            await open_snapshots(self.target).store(snapshot)

    async def _fill_read_model(self) -> None:
        """Fold both journals into their read models, up to the last row, so that their tables can be compared."""
        for name, settings in (("source", self.source), ("target", self.target)):
            self.report(f"bringing the {name}'s read model up")
            journal, read_model = await open_journal(settings), open_read_model(settings)
            try:
                newest = await journal.last()
                await load_projections(read_model, journal=journal, until=newest.sequence if newest else 0)
            finally:
                await read_model.close()
                await journal.close()

    def _move_tables(self, line: str, path: str) -> None:
        """Put the source's rows in place of whatever an interrupted run left."""
        with (
            sqlite_engine(path).connect() as source,
            postgres_engine(self.target.database_url, schema=line).connect() as target,
        ):
            copy_tables(source, target, report=self.report)

    def _compare_tables(self) -> dict[str, int]:
        """Return the rows of every table. Raises `TransferFailedError` when a table differs."""
        directory = DataDirectory(self.source.data_dir)
        files = [*_other_files(self.source), (READ_MODEL.name, str(directory.read_model))]
        rows: dict[str, int] = {}
        for line, path in files:
            with sqlite_engine(path).connect() as source:
                ours = describe_tables(source)
            with postgres_engine(self.target.database_url, schema=line).connect() as target:
                theirs = describe_tables(target)
            for name, facts in ours.items():
                _check_table(f"{line}.{name}", facts, theirs.get(name))
                rows[f"{line}.{name}"] = facts.rows
        return rows


def _check_table(name: str, ours: TableFacts, theirs: TableFacts | None) -> None:
    if theirs is None or ours.rows != theirs.rows:
        held = "none" if theirs is None else f"{theirs.rows:,}"
        raise TransferFailedError(f"Table {name} has {ours.rows:,} rows in the source and {held} in the target.")
    if ours.digest != theirs.digest:
        raise TransferFailedError(f"Table {name} has other rows in the target than in the source.")


def _other_files(settings: Settings) -> list[tuple[str, str]]:
    """Return the files beside the journal that are moved as they are."""
    directory = DataDirectory(settings.data_dir)
    files = ((IDENTITY.name, directory.identity), (PREFERENCES.name, directory.preferences))
    return [(line, str(path)) for line, path in files if path.exists()]


__all__ = [
    "TransferFailedError",
    "TransferFinishedError",
    "TransferInProgressError",
    "TransferRefusedError",
    "transfer_to_postgres",
]
