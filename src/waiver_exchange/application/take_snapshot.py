"""Take a snapshot of the engine from the journal, without touching the running engine."""

from waiver_exchange.application.engine_state import decode_state
from waiver_exchange.application.ports import Journal, Snapshot, SnapshotStore
from waiver_exchange.application.recovery import recover_engine
from waiver_exchange.application.verify import conservation_difference
from waiver_exchange.engine.invariant import InvariantError
from waiver_exchange.engine.state import state_bytes


async def take_snapshot(*, journal: Journal, snapshots: SnapshotStore) -> int:
    """Keep a snapshot as of the last durable row and return its sequence. Raises `JournalError`, `JournalBrokenError`.

    It starts from the snapshot before it, so its cost is that of the rows between them; that both lead to the same
    engine is checked row by row.
    """
    at = await recover_engine(journal=journal, snapshots=snapshots)
    if at.sequence == 0:
        return 0
    state = state_bytes(at.engine)
    difference = conservation_difference(decode_state(state))
    if difference is not None:
        raise InvariantError(difference)
    await snapshots.store(Snapshot(sequence=at.sequence, time_ns=at.time_ns, chain=at.chain, state=state))
    return at.sequence
