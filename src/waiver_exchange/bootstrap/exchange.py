"""The running exchange: its stores opened, its engine recovered, and every part wired."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from waiver_exchange.adapters.secrets.store import Secrets
from waiver_exchange.adapters.system.clock import SystemClock
from waiver_exchange.application.access_tokens import AccessTokens
from waiver_exchange.application.checkpoints.keeping import CheckpointKeeper
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.operating.operations import Operations
from waiver_exchange.application.personal_data import remember_erasures
from waiver_exchange.application.place_order import end_of_day_ns
from waiver_exchange.application.ports import Clock, IdentityStore, Journal, ReadModelStore
from waiver_exchange.application.queries import Queries
from waiver_exchange.application.recovery import READ_ROWS, ReadModelAheadError, check_identity, recover_engine
from waiver_exchange.application.sequencer import Sequencer
from waiver_exchange.bootstrap.backend import Backend, open_backend
from waiver_exchange.bootstrap.caching import settled_reads
from waiver_exchange.bootstrap.offline import checkpoint_store
from waiver_exchange.bootstrap.processes import run_checkpoint_process, run_snapshot_process
from waiver_exchange.bootstrap.sign_in import build_sign_in, public_url_of
from waiver_exchange.config import Settings
from waiver_exchange.domain.codes import HOUSE_ACCOUNT
from waiver_exchange.domain.ids import IdKind, to_uuid
from waiver_exchange.projections.fold import Projector
from waiver_exchange.projections.state import ReadModelState

_log = logging.getLogger(__name__)


async def open_exchange(settings: Settings, *, clock: Clock | None = None) -> Exchange:
    """Return the exchange of a data directory as of its last durable row; the caller holds the directory's lock.

    Raises `JournalError`, `JournalBrokenError`, `IdentityError`, `PreferencesError`, `ReadModelError`,
    `DataDirectoryError`, `SecretsError`.
    """
    backend = await open_backend(settings)
    try:
        return await _open_on(backend, settings, clock=clock)
    except BaseException:
        await backend.close()
        raise


async def _open_on(backend: Backend, settings: Settings, *, clock: Clock | None) -> Exchange:
    journal, read_model, stores = backend.journal, backend.read_model, backend.stores
    recover = partial(recover_engine, journal=journal, snapshots=backend.snapshots)
    at = await recover()
    projector = await load_projections(read_model, journal=journal, until=at.sequence)
    own_clock = clock or SystemClock()
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
        queries=Queries(
            state=projector.state,
            store=read_model,
            journal=journal,
            zone=settings.zone,
            settled=settled_reads(settings, read_model, is_engine=True),
        ),
        journal=journal,
        read_model=read_model,
        **stores._asdict(),
        preferences=backend.preferences,
        operations=Operations(four_eyes=settings.four_eyes),
        clock=own_clock,
        zone=settings.zone,
        draw_bytes=secrets.token_bytes,
        tokens=tokens,
        sign_in=build_sign_in(settings, Secrets(settings), clock=own_clock, public_url=public_url),
        take_snapshot=partial(run_snapshot_process, settings.data_dir),
        checkpoints=CheckpointKeeper(
            store=checkpoint_store(settings),
            make=partial(run_checkpoint_process, settings.data_dir),
            rows_max=settings.checkpoint_rows,
        ),
        audit_seed=lambda: Secrets(settings).audit_signing_key,
        snapshot_rows=settings.snapshot_rows,
        snapshot_sequence=at.snapshot_sequence,
        stored_sequence=projector.state.sequence,
    )
    await remember_erasures(exchange)
    return exchange


@asynccontextmanager
async def running_exchange(
    settings: Settings, *, clock: Clock | None = None, is_service: bool = True
) -> AsyncIterator[Exchange]:
    """Open an exchange, keep it going for the block, then stop and close it. Raises what breaks it while it runs.

    A single command is no service: it begins no checkpoint or snapshot, which would outlast it.
    """
    exchange = await open_exchange(settings, clock=clock)
    running = asyncio.create_task(exchange.run(is_service=is_service))
    try:
        yield exchange
    finally:
        exchange.stop()
        try:
            await running
        finally:
            await exchange.close()


async def load_projections(read_model: ReadModelStore, *, journal: Journal, until: int) -> Projector:
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
            "%d of %d accounts have no name and no key, the first is %s; if identity.db (in PostgreSQL the schema "
            "identity) was lost, restore it from a backup, or make new keys with `waiver account new-key`",
            len(nameless),
            len(state.accounts) - 1,
            to_uuid(IdKind.account, nameless[0]),
        )
