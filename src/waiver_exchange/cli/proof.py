"""Read a data directory's journal from its first row: to prove it, or to take a snapshot."""

from collections.abc import Callable
from functools import partial

from waiver_exchange.application.verify import LiveState
from waiver_exchange.bootstrap import snapshot_data_directory, verify_data_directory
from waiver_exchange.cli.failures import CommandFailedError, opening_failure, unavailable
from waiver_exchange.cli.offline import OPENING_FAILURES
from waiver_exchange.cli.output import say
from waiver_exchange.config import Settings
from waiver_exchange.gateway.control.protocol import Result


async def prove(settings: Settings, *, ask_live: Callable[[], Result] | None) -> Result:
    """Verify against the running server's state, or with the lock held. Raises `CommandFailedError`."""
    ask = None if ask_live is None else partial(_ask, ask_live)
    try:
        found = await verify_data_directory(settings, ask_live=ask, report=lambda rows: say(f"{rows:,} rows replayed"))
    except OPENING_FAILURES as error:
        raise opening_failure(error, settings) from error
    except OSError as error:
        raise unavailable("data_directory_unusable", f"The data directory {settings.data_dir}: {error}") from error
    result: Result = {"ok": found.difference is None, "sequence": found.sequence, "state_hash": found.state_hash}
    if found.difference is not None:
        result["difference"] = found.difference
        result["error"] = {"code": "verification_failed", "message": found.difference, "details": {}}
    return result


async def take(settings: Settings) -> int:
    """Take a snapshot and return its row. Raises `CommandFailedError`."""
    try:
        return await snapshot_data_directory(settings)
    except OPENING_FAILURES as error:
        raise CommandFailedError(code="snapshot_failed", message=str(error)) from error
    except OSError as error:
        raise CommandFailedError(code="snapshot_failed", message=f"The snapshot cannot be written: {error}") from error


def _ask(ask_live: Callable[[], Result]) -> LiveState:
    match ask_live():
        case {
            "sequence": int(sequence),
            "state_hash": str(state_hash),
            "facts_hash": str(facts_hash),
            "projections_difference": difference,
        }:
            return LiveState(
                sequence=sequence,
                state_hash=state_hash,
                facts_hash=facts_hash,
                difference=None if difference is None else str(difference),
            )
    raise CommandFailedError(code="verification_failed", message="The server is of another version; restart it.")
