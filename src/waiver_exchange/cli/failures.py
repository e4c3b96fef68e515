"""Why a command ended without success, and the exit code that says so."""

from collections.abc import Mapping
from typing import Final

from waiver_exchange.adapters.secrets.errors import SecretsDirectoryError, SecretsError
from waiver_exchange.application.ports import (
    IdentityError,
    JournalBrokenError,
    JournalError,
    PreferencesError,
    WrongJournalError,
)
from waiver_exchange.config import Settings
from waiver_exchange.projections.changes import ReadModelError

EXIT_FAILED: Final = 1  # refused by the exchange, or tried and not possible
EXIT_USAGE: Final = 2  # the command line or a setting is wrong
EXIT_UNAVAILABLE: Final = 3  # the data directory is in use by another process, or it or the database cannot be opened
EXIT_INTERNAL: Final = 70  # the program is at fault, or the running exchange broke
EXIT_INTERRUPTED: Final = 130  # ended at once by a second Ctrl-C
# What the stores say of themselves, which with PostgreSQL are not in the data directory.
_OF_STORES: Final = (IdentityError, JournalBrokenError, JournalError, PreferencesError, ReadModelError)


class CommandFailedError(Exception):
    """A command could not do its work; `code` is stable, the message says what to do next."""

    def __init__(
        self, *, code: str, message: str, exit_code: int = EXIT_FAILED, details: Mapping[str, object] | None = None
    ) -> None:
        """Keep what is reported and how the process ends."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.exit_code = exit_code
        self.details = dict(details or {})


def opening_failure(error: Exception, settings: Settings) -> CommandFailedError:
    """Return the failure for what kept an exchange from being opened: its stores' state, or a secret to be mended."""
    if isinstance(error, SecretsError) and not isinstance(error, SecretsDirectoryError):
        return CommandFailedError(code="secrets_unusable", message=str(error), exit_code=EXIT_USAGE)
    if isinstance(error, WrongJournalError):
        return CommandFailedError(code="setting_is_wrong", message=str(error), exit_code=EXIT_USAGE)
    is_of_database = bool(settings.database_url) and isinstance(error, _OF_STORES)
    return unavailable("database_unusable" if is_of_database else "data_directory_unusable", error)


def unavailable(code: str, message: object) -> CommandFailedError:
    """Return the failure for a data directory or database that cannot be used now."""
    return CommandFailedError(code=code, message=str(message), exit_code=EXIT_UNAVAILABLE)
