"""The exchange as a gateway process has it: a replica that follows the engine's process."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, cast

from waiver_exchange.adapters.files.data_directory import DataDirectory
from waiver_exchange.adapters.link.addresses import connect
from waiver_exchange.adapters.link.elsewhere import Elsewhere, elsewhere
from waiver_exchange.adapters.link.follower import Follower
from waiver_exchange.adapters.link.head import Head
from waiver_exchange.adapters.link.remote_sequencer import RemoteSequencer
from waiver_exchange.adapters.link.replica import KnownIdentity, Replica
from waiver_exchange.adapters.secrets.store import Secrets
from waiver_exchange.adapters.system.clock import SystemClock
from waiver_exchange.application.access_tokens import AccessTokens
from waiver_exchange.application.checkpoints.keeping import CheckpointKeeper
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.ports import GENESIS_CHAIN, Clock, Journal, JournalError
from waiver_exchange.application.queries import Queries
from waiver_exchange.bootstrap.backend import open_journal, open_read_model
from waiver_exchange.bootstrap.caching import settled_reads
from waiver_exchange.bootstrap.fan_out import news_listener
from waiver_exchange.bootstrap.offline import checkpoint_store
from waiver_exchange.bootstrap.sign_in import build_sign_in, public_url_of
from waiver_exchange.config import Settings
from waiver_exchange.projections.fold import Projector

_RETRY_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """A replica and what keeps it current.

    Let `run` run, wait for `ready`, and use `exchange` as where the engine is; `exchange.run` and `exchange.close` are
    not for it. What it cannot do raises `ElsewhereError`. `run` raises what makes the process useless: it ends then.
    """

    exchange: Exchange
    follower: Follower
    head: Head

    async def run(self) -> None:
        """Follow until `stop`. Raises `JournalBrokenError`, `JournalOrderError`."""
        await self.follower.run()

    async def ready(self) -> None:
        """Return when requests can be answered."""
        await self.follower.ready()

    def stop(self) -> None:
        """Follow no more; `run` returns."""
        self.exchange.failures.tell(self.exchange.sequencer)
        self.follower.stop()

    async def close(self) -> None:
        """Give everything back, after `run` has returned."""
        await self.exchange.queries.settled.close()
        await self.exchange.read_model.close()
        await self.exchange.journal.close()
        for provider in self.exchange.sign_in.providers.values():
            await provider.close()
        self.head.close()


async def open_follower(settings: Settings, *, clock: Clock | None = None) -> Following:
    """Return a replica as of what history has, once the engine's process listens: its files are there then.

    Raises `JournalError`, `ReadModelError`, `SecretsError`, `OSError`.
    """
    directory = DataDirectory(settings.data_dir)
    await _until_listening(directory)
    journal = await open_journal(settings)
    read_model = open_read_model(settings, is_read_only=True)
    projector = Projector(await read_model.load())
    own_clock = clock or SystemClock()
    known = KnownIdentity()
    public_url = public_url_of(settings)
    tokens = AccessTokens(
        store=cast("Any", known.signing_keys), clock=own_clock, draw_bytes=secrets.token_bytes, public_url=public_url
    )
    sequencer = RemoteSequencer(projector, chain=await _chain_of(journal, projector.state.sequence))
    replica = Replica(projector, sequencer=sequencer, known=known, tokens=tokens)
    head = Head(directory.link_head)
    follower = Follower(replica, journal=journal, path=directory.link_socket, head=head, news=news_listener(settings))
    nothing = cast("Any", Elsewhere())
    exchange = Exchange(
        sequencer=sequencer,
        projector=projector,
        queries=Queries(
            state=projector.state,
            store=read_model,
            journal=journal,
            zone=settings.zone,
            settled=settled_reads(settings, read_model, is_engine=False),
        ),
        journal=journal,
        read_model=read_model,
        identity=cast("Any", known.accounts),
        people=nothing,
        sessions=cast("Any", known.sessions),
        passkeys=cast("Any", known.passkeys),
        signing_keys=cast("Any", known.signing_keys),
        invitations=nothing,
        notes=nothing,
        data_keys=nothing,
        erasures=nothing,
        identity_memory=known.memory,
        preferences=cast("Any", known.settings),
        clock=own_clock,
        zone=settings.zone,
        draw_bytes=secrets.token_bytes,
        token_key=b"",  # comes with the welcome
        tokens=tokens,
        sign_in=build_sign_in(settings, Secrets(settings), clock=own_clock, public_url=public_url),
        take_snapshot=elsewhere,
        checkpoints=CheckpointKeeper(
            store=checkpoint_store(settings), make=elsewhere, rows_max=settings.checkpoint_rows
        ),
        audit_seed=lambda: nothing.audit_signing_key,
        snapshot_rows=settings.snapshot_rows,
        freshness=follower,
    )
    replica.exchange = exchange
    return Following(exchange=exchange, follower=follower, head=head)


@asynccontextmanager
async def running_follower(settings: Settings, *, clock: Clock | None = None) -> AsyncIterator[Exchange]:
    """Open a replica, keep it going for the block from when it can be used, then stop and close it.

    Raises what breaks it while it runs.
    """
    following = await open_follower(settings, clock=clock)
    running = asyncio.create_task(following.run())
    try:
        ready = asyncio.create_task(following.ready())
        await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if running.done():
            running.result()
        yield following.exchange
    finally:
        following.stop()
        try:
            await running
        finally:
            await following.close()


async def _until_listening(directory: DataDirectory) -> None:
    while True:
        try:
            connect(directory.link_socket).close()
        except OSError:
            await asyncio.sleep(_RETRY_SECONDS)
        else:
            return


async def _chain_of(journal: Journal, sequence: int) -> bytes:
    """Return the hash of a row. Raises `JournalError` when the journal does not hold it."""
    if sequence == 0:
        return GENESIS_CHAIN
    rows = await journal.read(after=sequence - 1, limit=1)
    if not rows:
        message = f"The read model has seen row {sequence}, which the journal does not hold."
        raise JournalError(message)
    return rows[0].chain
