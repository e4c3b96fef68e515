"""Run one method on an exchange that this process opens itself; the caller holds the data directory's lock."""

from waiver_exchange.adapters.files.data_directory import DataDirectoryError
from waiver_exchange.adapters.secrets.errors import SecretsError
from waiver_exchange.application.ports import IdentityError, JournalBrokenError, JournalError, PreferencesError
from waiver_exchange.bootstrap import running_exchange
from waiver_exchange.cli.failures import CommandFailedError, opening_failure, unavailable
from waiver_exchange.config import Settings
from waiver_exchange.gateway.control.methods import run_method
from waiver_exchange.gateway.control.protocol import ControlError, Params, Result
from waiver_exchange.projections.changes import ReadModelError

# What opening a store can end with; each message tells the operator what to do.
OPENING_FAILURES = (
    DataDirectoryError,
    IdentityError,
    JournalBrokenError,
    JournalError,
    PreferencesError,
    ReadModelError,
    SecretsError,
)


async def run_offline(settings: Settings, method: str, params: Params) -> Result:
    """Open the exchange, run the method, close it. Raises `CommandFailedError`."""
    try:
        async with running_exchange(settings, is_service=False) as exchange:
            return await run_method(exchange, method, params)
    except ControlError as error:
        raise CommandFailedError(code=error.code, message=error.message, details=error.details) from error
    except OPENING_FAILURES as error:
        raise opening_failure(error, settings) from error
    except OSError as error:
        raise unavailable("data_directory_unusable", f"The data directory {settings.data_dir}: {error}") from error
