"""Sentences for what PostgreSQL and the way to it report: what is wrong and what the operator can do."""

from typing import Final

# By SQLSTATE.
SENTENCES: Final = {
    "53100": "the disk of the database server is full; free some space on it",
    "53200": "the database server is out of memory",
    "53300": "the database server has no connection left; raise its max_connections or close other programs",
    "55P03": "another session held a lock for too long; look at pg_stat_activity",
    "57014": "the database server took too long; look at its load and its disk",
    "57P01": "the database server ended the connection; it is stopping or an administrator ended it",
    "57P02": "a process of the database server crashed and it starts anew",
    "57P03": "the database server is starting or stopping; it takes connections again in a while",
    "57P05": "the database server ended a connection that said nothing for long",
    "28000": "the database server does not let this role in; check WAIVER_DATABASE_URL and pg_hba.conf",
    "28P01": "the password is wrong; check WAIVER_DATABASE_URL",
    "3D000": "there is no such database; check WAIVER_DATABASE_URL or create it",
    "3F000": "it holds no exchange yet; run `waiver migrate`",
    "42P01": "a table is missing; run `waiver migrate`",
    "42703": "a column is missing; run `waiver migrate`",
    "42501": "the role has no right to do so; run `waiver migrate`, which gives the rights",
    "25006": "the database takes no writes; it is a standby or was set read-only",
    "23505": "a row of it exists already; another process may have written to it: stop it, and run `waiver verify`",
    "23514": "a row breaks a rule of the table; run `waiver verify`",
    "XX001": "a table is damaged; keep a copy of the database, and restore a backup",
    "XX002": "an index is damaged; REINDEX it",
}
# A connection that is refused has no SQLSTATE; what the server said of it is in the text that is added.
_AWAY: Final = "the database cannot be reached; see that it runs, and check WAIVER_DATABASE_URL"


def explain_failure(error: BaseException, *, action: str) -> str:
    """Return a sentence for the operator; `action` completes "Could not", such as `use the read model`.

    What the driver says is added, which has no password in it.
    """
    code = getattr(error, "sqlstate", None)
    if isinstance(error, TimeoutError):
        sentence = "the database does not answer; look at its load, its disk and the network"
    elif not code:
        sentence = _AWAY
    else:
        sentence = SENTENCES.get(code, "the database server refused it")
    return f"Could not {action}: {sentence}. ({' '.join(str(error).split())})"
