"""The file of preferences: created and brought to this version."""

import os
import sqlite3
from importlib import resources
from pathlib import Path

from waiver_exchange.adapters.migrations.compatibility import SchemaError
from waiver_exchange.adapters.migrations.lines import PREFERENCES
from waiver_exchange.adapters.migrations.sqlite import bring_up
from waiver_exchange.application.ports import PreferencesError


def open_preferences(path: Path) -> sqlite3.Connection:
    """Open the file, creating it (mode 0600). Raises `sqlite3.Error`, `OSError`, `PreferencesError` for a newer one."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")  # what is forgotten leaves no bytes
        connection.executescript(resources.files(__package__).joinpath("preferences.sql").read_text("utf-8"))
        bring_up(connection, line=PREFERENCES, path=path)
    except SchemaError as error:
        connection.close()
        raise PreferencesError(str(error)) from error
    except BaseException:
        connection.close()
        raise
    return connection
