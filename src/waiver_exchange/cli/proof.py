"""Read a data directory's journal from its first row: to prove it, or to take a snapshot."""

from waiver_exchange.application.verify import LiveState
from waiver_exchange.bootstrap import snapshot_data_directory, verify_data_directory
from waiver_exchange.cli.failures import CommandFailedError, unavailable
from waiver_exchange.cli.offline import OPENING_FAILURES
from waiver_exchange.cli.output import say
from waiver_exchange.config import Settings
from waiver_exchange.gateway.control.protocol import Result


async def prove(settings: Settings, *, live: Result | None) -> Result:
    """Verify against the running server's state, or with the lock held. Raises `CommandFailedError`."""
    try:
        found = await verify_data_directory(
            settings, live=_live_state(live), report=lambda rows: say(f"{rows:,} rows replayed")
        )
    except OPENING_FAILURES as error:
        raise unavailable("data_directory_unusable", error) from error
    result: Result = {"ok": found.difference is None, "sequence": found.sequence, "state_hash": found.state_hash}
    if found.difference is not None:
        result["difference"] = found.difference
        result["error"] = {"code": "verification_failed", "message": found.difference, "details": {}}
    return result


async def take(settings: Settings) -> int:
    """Take a snapshot and return its row. Raises `CommandFailedError`."""
    try:
        return await snapshot_data_directory(settings.data_dir)
    except OPENING_FAILURES as error:
        raise CommandFailedError(code="snapshot_failed", message=str(error)) from error
    except OSError as error:
        raise CommandFailedError(code="snapshot_failed", message=f"The snapshot cannot be written: {error}") from error


def _live_state(live: Result | None) -> LiveState | None:
    match live:
        case {"sequence": int(sequence), "state_hash": str(state_hash), "projections_difference": difference}:
            return LiveState(
                sequence=sequence, state_hash=state_hash, difference=None if difference is None else str(difference)
            )
    return None
