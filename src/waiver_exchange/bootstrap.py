"""The only module that builds and wires objects."""

import asyncio
import logging
import os
import secrets
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from waiver_exchange.adapters.files.checkpoints import FileCheckpointStore
from waiver_exchange.adapters.files.data_directory import DataDirectory
from waiver_exchange.adapters.files.snapshots import FileSnapshotStore
from waiver_exchange.adapters.oidc.provider import OidcProvider
from waiver_exchange.adapters.secrets.errors import SecretsError
from waiver_exchange.adapters.secrets.store import Secrets
from waiver_exchange.adapters.sqlite.identity_file import has_data_keys
from waiver_exchange.adapters.sqlite.identity_stores import open_identity_stores
from waiver_exchange.adapters.sqlite.journal import SqliteJournal
from waiver_exchange.adapters.sqlite.preferences import SqlitePreferencesStore
from waiver_exchange.adapters.sqlite.read_model import SqliteReadModel
from waiver_exchange.adapters.sqlite.read_model_check import KeptReadModel
from waiver_exchange.adapters.system.clock import SystemClock
from waiver_exchange.application.access_tokens import AccessTokens
from waiver_exchange.application.audit_export import ExportRange, export_rows
from waiver_exchange.application.checkpoints.checking import Finding, check_journal
from waiver_exchange.application.checkpoints.checkpoint import Checkpoint, SignedCheckpoint
from waiver_exchange.application.checkpoints.keeping import CheckpointKeeper
from waiver_exchange.application.checkpoints.making import make_checkpoint
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.operating.operations import Operations
from waiver_exchange.application.personal_data import remember_erasures
from waiver_exchange.application.place_order import end_of_day_ns
from waiver_exchange.application.ports import Clock, IdentityStore, Journal, JournalRow, PlainRow
from waiver_exchange.application.queries import Queries
from waiver_exchange.application.recovery import READ_ROWS, ReadModelAheadError, check_identity, recover_engine
from waiver_exchange.application.request_counts import LocalCounts, RequestCounts
from waiver_exchange.application.sequencer import Sequencer
from waiver_exchange.application.sign_in_ports import SignInParts, SignUp, SignUpRules
from waiver_exchange.application.take_snapshot import take_snapshot
from waiver_exchange.application.verify import LiveState, Verification, verify_journal
from waiver_exchange.config import OidcProviderSettings, Settings
from waiver_exchange.domain.codes import HOUSE_ACCOUNT
from waiver_exchange.domain.ids import IdKind, to_uuid
from waiver_exchange.projections.fold import Projector
from waiver_exchange.projections.state import ReadModelState

_SNAPSHOT_NICENESS: Final = 10
_SNAPSHOT_SECONDS_MAX: Final = 3_600
_CHECKPOINT_SECONDS_MAX: Final = 6 * 3_600

_log = logging.getLogger(__name__)


async def open_exchange(settings: Settings, *, clock: Clock | None = None) -> Exchange:
    """Return the exchange of a data directory as of its last durable row; the caller holds the directory's lock.

    Raises `JournalError`, `JournalBrokenError`, `IdentityError`, `PreferencesError`, `ReadModelError`,
    `DataDirectoryError`, `SecretsError`.
    """
    directory = DataDirectory(settings.data_dir)
    kept_secrets = Secrets(settings, may_make_master_key=not has_data_keys(directory.identity))
    kept_secrets.check()
    journal = SqliteJournal.open(directory.journal)
    snapshots = FileSnapshotStore(directory.snapshots)
    recover = partial(recover_engine, journal=journal, snapshots=snapshots)
    at = await recover()
    read_model = SqliteReadModel(directory.read_model)
    projector = await _load_projections(read_model, journal=journal, until=at.sequence)
    own_clock = clock or SystemClock()
    stores = open_identity_stores(directory.identity, master_key=kept_secrets.master_key)
    check_identity(stores.identity, projector.state)
    _warn_of_nameless(projector.state, stores.identity)
    public_url = public_url_of(settings)
    tokens = AccessTokens(
        store=stores.signing_keys, clock=own_clock, draw_bytes=secrets.token_bytes, public_url=public_url
    )
    await tokens.prepare()
    exchange = Exchange(
        sequencer=Sequencer(
            at=at,
            journal=journal,
            projector=projector,
            clock=own_clock,
            recover=recover,
            end_of_day=partial(end_of_day_ns, zone=settings.zone),
        ),
        projector=projector,
        queries=Queries(state=projector.state, store=read_model, journal=journal, zone=settings.zone),
        journal=journal,
        read_model=read_model,
        **stores._asdict(),
        preferences=SqlitePreferencesStore(directory.preferences),
        operations=Operations(four_eyes=settings.four_eyes),
        clock=own_clock,
        zone=settings.zone,
        draw_bytes=secrets.token_bytes,
        tokens=tokens,
        sign_in=_build_sign_in(settings, kept_secrets, clock=own_clock, public_url=public_url),
        take_snapshot=partial(_run_snapshot_process, settings.data_dir),
        checkpoints=CheckpointKeeper(
            store=checkpoint_store(settings),
            make=partial(_run_checkpoint_process, settings.data_dir),
            rows_max=settings.checkpoint_rows,
        ),
        audit_seed=lambda: Secrets(settings).audit_signing_key,
        snapshot_rows=settings.snapshot_rows,
        snapshot_sequence=at.snapshot_sequence,
    )
    await remember_erasures(exchange)
    return exchange


@asynccontextmanager
async def running_exchange(settings: Settings, *, clock: Clock | None = None) -> AsyncIterator[Exchange]:
    """Open an exchange, keep it going for the block, then stop and close it. Raises what breaks it while it runs."""
    exchange = await open_exchange(settings, clock=clock)
    running = asyncio.create_task(exchange.run())
    try:
        yield exchange
    finally:
        exchange.stop()
        try:
            await running
        finally:
            await exchange.close()


def public_url_of(settings: Settings) -> str:
    """Return where people reach the exchange, without a slash at the end."""
    return settings.sign_in.public_url or f"http://localhost:{settings.port}"


def _build_sign_in(settings: Settings, kept_secrets: Secrets, *, clock: Clock, public_url: str) -> SignInParts:
    """Return the providers and rules. Raises `SecretsError`."""
    chosen = settings.sign_in
    providers = {
        provider.name: OidcProvider(
            provider, client_secret=_client_secret(settings, provider, kept_secrets), clock=clock
        )
        for provider in chosen.providers
    }
    # Without a chosen address it is this machine's own, by whatever name.
    names = () if chosen.public_url else ("127.0.0.1", "[::1]")
    return SignInParts(
        public_url=public_url,
        origins=frozenset((public_url, *(f"http://{name}:{settings.port}" for name in names))),
        rules=SignUpRules(
            mode=SignUp(chosen.sign_up),
            domains=frozenset(chosen.sign_up_domains),
            starting_cash_micros=chosen.starting_cash_micros,
        ),
        is_demo=settings.is_demo,
        providers=providers,
    )


def _client_secret(settings: Settings, provider: OidcProviderSettings, kept_secrets: Secrets) -> str | None:
    """Return a provider's client secret, None for a public client. Raises `SecretsError`."""
    if provider.is_public_client:
        return None
    name = f"oidc_{provider.name}_client_secret"
    found = kept_secrets.read(name)
    if found is None and settings.is_production:
        variable = f"WAIVER_OIDC_{provider.name.upper()}"
        raise SecretsError(
            f"The secret {name} is missing: set {variable}_CLIENT_SECRET_FILE, or {variable}_PUBLIC_CLIENT=true when "
            "the provider gave none."
        )
    return found


@asynccontextmanager
async def request_counts(settings: Settings, *, clock: Clock) -> AsyncIterator[RequestCounts]:
    """Give what requests are counted in for the block: with Redis, where several processes share the counts."""
    if not settings.redis_url:
        yield LocalCounts(clock)
        return
    # Its library takes 0.2 s to import, which nobody waits for without Redis.
    from waiver_exchange.adapters.redis.request_counts import RedisCounts  # noqa: PLC0415 - see above

    counts = RedisCounts(settings.redis_url, clock=clock)
    try:
        await counts.start()
        yield counts
    finally:
        await counts.close()


async def _load_projections(read_model: SqliteReadModel, *, journal: Journal, until: int) -> Projector:
    """Return the projections as of a row: what the store has, and the rows behind it folded and stored.

    Raises `ReadModelAheadError`, `JournalError`, `ReadModelError`.
    """
    state = await read_model.load()
    if state.sequence > until:
        raise ReadModelAheadError(seen=state.sequence, held=until)
    projector = Projector(state)
    while state.sequence < until:
        for row in await journal.read(after=state.sequence, limit=min(READ_ROWS, until - state.sequence)):
            projector.apply(row)
        changes = projector.take_changes()
        if changes is not None:
            await read_model.store(changes)
            projector.forget_closed(changes)
    return projector


def _warn_of_nameless(state: ReadModelState, identity: IdentityStore) -> None:
    """Say so when accounts have nobody behind them: identity.db was lost, or the process ended while one was opened."""
    known = dict(identity.list_accounts())  # an erased account is known and has no name
    nameless = [number for number in state.accounts if number != HOUSE_ACCOUNT and number not in known]
    if nameless:
        _log.warning(
            "%d of %d accounts have no name and no key, the first is %s; if identity.db was lost, restore it from a "
            "backup, or make new keys with `waiver account new-key`",
            len(nameless),
            len(state.accounts) - 1,
            to_uuid(IdKind.account, nameless[0]),
        )


async def _run_snapshot_process(data_dir: Path) -> None:
    """Take a snapshot in a process of its own, so that trading does not wait for it."""
    code = await _run_process("snapshot", "--data-dir", str(data_dir), seconds_max=_SNAPSHOT_SECONDS_MAX)
    if code != 0:
        _log.error("no snapshot could be taken (exit code %d); only the next start becomes slower", code)


class CheckpointFailedError(Exception):
    """The process that makes checkpoints ended without one; what it wrote to the log says why."""


async def _run_checkpoint_process(data_dir: Path) -> None:
    """Make a checkpoint in a process of its own. Raises `CheckpointFailedError`."""
    code = await _run_process("audit", "checkpoint", "--data-dir", str(data_dir), seconds_max=_CHECKPOINT_SECONDS_MAX)
    if code != 0:
        raise CheckpointFailedError(f"`waiver audit checkpoint` ended with code {code}; the log says why.")


async def _run_process(*arguments: str, seconds_max: int) -> int:
    """Run this program with other arguments, politely; return its exit code. Raises `TimeoutError`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "waiver_exchange",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        with suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, process.pid, _SNAPSHOT_NICENESS)
        return await asyncio.wait_for(process.wait(), seconds_max)
    except BaseException:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
        raise


async def snapshot_data_directory(data_dir: Path) -> int:
    """Take a snapshot of a data directory, also while a server runs on it, and return its row."""
    directory = DataDirectory(data_dir)
    journal = SqliteJournal.open(directory.journal, read_only=True)
    try:
        return await take_snapshot(journal=journal, snapshots=FileSnapshotStore(directory.snapshots))
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
    directory = DataDirectory(settings.data_dir)
    journal = SqliteJournal.open(directory.journal, read_only=True)
    try:
        return await make_checkpoint(
            journal=journal,
            snapshots=FileSnapshotStore(directory.snapshots),
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
    journal = SqliteJournal.open(DataDirectory(settings.data_dir).journal, read_only=True)
    try:
        return await check_journal(journal=journal, checkpoints=checkpoints, executes=executes, report=report)
    finally:
        await journal.close()


async def export_data_directory(settings: Settings, *, rows: ExportRange) -> AsyncIterator[bytes]:
    """Yield the lines of an export of a data directory's journal, also while a server runs on it.

    Raises what `export_rows` raises, and `SecretsError`.
    """
    journal = SqliteJournal.open(DataDirectory(settings.data_dir).journal, read_only=True)
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
    directory = DataDirectory(settings.data_dir)
    journal = SqliteJournal.open(directory.journal, read_only=ask_live is not None)
    kept = KeptReadModel(directory.read_model)
    # Asked after the read model was looked at, which is then not ahead.
    live = None if ask_live is None else ask_live()
    with TemporaryDirectory(prefix="waiver-verify-") as folder:
        rebuilt = _RebuiltReadModel(Path(folder) / "read_model.db")
        checks = {kept.sequence: partial(kept.difference_from, rebuilt.path)} if kept.sequence else {}
        try:
            return await verify_journal(
                journal=journal,
                snapshot=FileSnapshotStore(directory.snapshots).load_latest(),
                live=live,
                rebuilding=rebuilt,
                checks=checks,
                report=report,
            )
        finally:
            await rebuilt.close()
            kept.close()
            await journal.close()
