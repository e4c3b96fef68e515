"""Sentences for what PostgreSQL and the way to it report: what is wrong and what the operator can do."""

from typing import Final

# By SQLSTATE; where the whole code is not listed, its first two characters are looked up.
_SENTENCES: Final = {
    "08": "the connection to the database is broken; it is opened again by itself",
    "25006": "the database takes no writes; it may be a standby: connect to the primary",
    "3F000": "the database lacks a schema; run `waiver migrate`",
    "42501": "the database user may not do this; run `waiver migrate`, which grants what the service needs",
    "42P01": "the database lacks a table; run `waiver migrate`",
    "42703": "the database lacks a column; run `waiver migrate`",
    "53100": "the database's disk is full; free some space on it",
    "53200": "the database is out of memory",
    "53300": "the database is out of connections; end some, or raise its max_connections",
    "57014": "the database took too long, and the statement was given up",
    "57P": "the database is shutting down or starting; it is asked again",
    "58": "the database could not read or write its files; see its log",
    "XX001": "a table of the database is damaged; keep a copy, and restore a backup",
    "XX002": "an index of the database is damaged; REINDEX it",
}
# A connection that is refused has no SQLSTATE; what the server said of it is in the text that is added.
_AWAY: Final = "the database cannot be reached; see that it runs, and check WAIVER_DATABASE_URL"


def explain_failure(error: BaseException, *, action: str) -> str:
    """Return a sentence for the operator; `action` completes "Could not", such as `use the read model`.

    Works for psycopg's and asyncpg's errors alike; what they say is added, which has no password in it.
    """
    code = getattr(error, "sqlstate", None)
    if isinstance(error, TimeoutError):
        sentence = "the database does not answer; look at its load, its disk and the network"
    elif not code:
        sentence = _AWAY
    else:
        found = (_SENTENCES[code[:length]] for length in (5, 3, 2) if code[:length] in _SENTENCES)
        sentence = next(found, "the database refused it")
    return f"Could not {action}: {sentence}. ({' '.join(str(error).split())})"
