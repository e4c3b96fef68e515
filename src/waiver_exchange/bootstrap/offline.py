"""What goes through an exchange's own records, with the lock held or while its server runs."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from waiver_exchange.adapters.files.checkpoints import FileCheckpointStore
from waiver_exchange.adapters.files.data_directory import DataDirectory
from waiver_exchange.adapters.secrets.store import Secrets
from waiver_exchange.adapters.sqlite.read_model import SqliteReadModel
from waiver_exchange.application.audit_export import ExportRange, export_rows
from waiver_exchange.application.checkpoints.checking import Finding, check_journal
from waiver_exchange.application.checkpoints.checkpoint import Checkpoint, SignedCheckpoint
from waiver_exchange.application.checkpoints.making import make_checkpoint
from waiver_exchange.application.ports import Journal, JournalRow, PlainRow
from waiver_exchange.application.take_snapshot import take_snapshot
from waiver_exchange.application.verify import LiveState, Verification, verify_journal
from waiver_exchange.bootstrap.backend import KeptReadModel, look_at_read_model, open_journal, open_snapshots
from waiver_exchange.config import Settings
from waiver_exchange.projections.fold import Projector
from waiver_exchange.projections.state import ReadModelState


async def snapshot_data_directory(settings: Settings) -> int:
    """Take a snapshot of an exchange, also while a server runs on it, and return its row."""
    journal = await open_journal(settings)
    try:
        return await take_snapshot(journal=journal, snapshots=open_snapshots(settings))
    finally:
        await journal.close()


def checkpoint_store(settings: Settings) -> FileCheckpointStore:
    """Return the checkpoints of a data directory."""
    return FileCheckpointStore(DataDirectory(settings.data_dir).checkpoints, published=settings.checkpoint_dir)


async def checkpoint_data_directory(
    settings: Settings, *, next_public_key: bytes | None = None
) -> SignedCheckpoint | None:
    """Verify a data directory's journal and sign a checkpoint of it, also while a server runs on it.

    Raises what `make_checkpoint` raises, and `SecretsError`.
    """
    journal = await open_journal(settings)
    try:
        return await make_checkpoint(
            journal=journal,
            snapshots=open_snapshots(settings),
            store=checkpoint_store(settings),
            seed=Secrets(settings).audit_signing_key,
            next_public_key=next_public_key,
        )
    finally:
        await journal.close()


async def check_data_directory(
    settings: Settings, *, checkpoints: Sequence[Checkpoint], executes: bool, report: Callable[[int], None]
) -> Finding:
    """Check a data directory's journal against checkpoints, also while a server runs on it. Raises `JournalError`."""
    journal = await open_journal(settings)
    try:
        return await check_journal(journal=journal, checkpoints=checkpoints, executes=executes, report=report)
    finally:
        await journal.close()


async def export_data_directory(settings: Settings, *, rows: ExportRange) -> AsyncIterator[bytes]:
    """Yield the lines of an export of a data directory's journal, also while a server runs on it.

    Raises what `export_rows` raises, and `SecretsError`.
    """
    journal = await open_journal(settings)
    try:
        seed = Secrets(settings).audit_signing_key
        async for piece in export_rows(journal=journal, checkpoints=checkpoint_store(settings), seed=seed, rows=rows):
            yield piece
    finally:
        await journal.close()


class _RebuiltReadModel:
    """A read model in a temporary file, built from the rows that a verification goes through."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._store = SqliteReadModel(path)
        self._projector = Projector(ReadModelState())

    @property
    def state(self) -> ReadModelState:
        return self._projector.state

    async def follow(self, rows: list[PlainRow]) -> None:
        if self.state.sequence == 0:
            await self._store.load()  # makes the file
        for row in rows:
            self._projector.apply(JournalRow._make(row))
        changes = self._projector.take_changes()
        if changes is not None:
            await self._store.store(changes)
            self._projector.forget_closed(changes)

    async def close(self) -> None:
        await self._store.close()


async def verify_data_directory(
    settings: Settings, *, ask_live: Callable[[], LiveState] | None, report: Callable[[int], None]
) -> Verification:
    """Verify a data directory: against what the running server says of itself, or with the lock held by the caller.

    Changes nothing in it. Raises `JournalError`, `ReadModelError`.
    """
    # A file that its last writer left in the middle of something is put in order; a database server does that itself.
    journal = await open_journal(settings, read_only=ask_live is not None or bool(settings.database_url))
    try:
        with closing(look_at_read_model(settings)) as kept:
            # Asked after the read model was looked at, which is then not ahead.
            live = None if ask_live is None else ask_live()
            return await _verify(settings, journal=journal, kept=kept, live=live, report=report)
    finally:
        await journal.close()


async def _verify(
    settings: Settings,
    *,
    journal: Journal,
    kept: KeptReadModel,
    live: LiveState | None,
    report: Callable[[int], None],
) -> Verification:
    with TemporaryDirectory(prefix="waiver-verify-") as folder:
        rebuilt = _RebuiltReadModel(Path(folder) / "read_model.db")
        checks = {kept.sequence: partial(kept.difference_from, rebuilt.path)} if kept.sequence else {}
        try:
            return await verify_journal(
                journal=journal,
                snapshot=await open_snapshots(settings).load_latest(),
                live=live,
                rebuilding=rebuilt,
                checks=checks,
                report=report,
            )
        finally:
            await rebuilt.close()
