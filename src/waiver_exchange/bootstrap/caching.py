"""What answers about history are kept in."""

import secrets

from waiver_exchange.adapters.files.data_directory import DataDirectory
from waiver_exchange.application.ports import ReadModelStore
from waiver_exchange.application.queries.settled import SettledReads, StoredReads
from waiver_exchange.config import Settings


def settled_reads(settings: Settings, store: ReadModelStore, *, is_engine: bool) -> SettledReads:
    """Return the reads of settled history: through Redis, where the history is in PostgreSQL.

    A page from a file costs no more than one from Redis. The engine's process begins a generation of kept answers,
    which the others find in a file beside its socket. Raises `OSError`.
    """
    if not settings.redis_url or not settings.database_url:
        return StoredReads(store)
    # Its library takes 0.2 s to import, which nobody waits for without Redis.
    from waiver_exchange.adapters.redis.history_cache import GENERATION_BYTES, HistoryCache  # noqa: PLC0415

    path = DataDirectory(settings.data_dir).history_generation
    if is_engine:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        draft = path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_bytes(secrets.token_bytes(GENERATION_BYTES))
        draft.replace(path)
    elif not path.exists():
        return StoredReads(store)
    return HistoryCache(store, settings.redis_url, generation=path.read_bytes())
