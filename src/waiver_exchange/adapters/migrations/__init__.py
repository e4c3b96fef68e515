"""Schemas in steps: four lines of Alembic revisions, for PostgreSQL and for SQLite files.

One line for each part of an exchange that is kept: `exchange`, `read_model`, `identity`, `preferences`. In PostgreSQL a
line is a schema of that name, in SQLite a file; each carries its own `alembic_version`, and `oldest_program`, the
oldest revision that a program must know to run on it. `lines` lists what is there, `compatibility` decides who runs on
what, `postgres` and `sqlite` bring a database up, `access` says who may do what in PostgreSQL.

How to add a revision (docs/decisions/021 has the rule behind it):

1. Add `versions/<line>/r0002_<what>.py`, modelled on `versions/exchange/r0001_baseline.py`: `revision = "0002"`,
   `down_revision = "0001"`, `oldest_program_revision`, and `upgrade()`. Nothing goes down: a backup does.
2. Leave `oldest_program_revision` as it was when the revision only adds (expand) or moves rows (migrate); programs of
   before then go on running on it. A revision that takes away (contract) names the first revision that does without.
3. Write tables without a schema before their names: the line's own is first in the search path.
   `op.get_bind().dialect.name` tells the databases apart; what is SQL of PostgreSQL alone lies in a `.sql` file beside
   the revision and is run by `scripts.run_script`.
4. Say in `access` what the service role may do with a new table, where the rights on its schema are not the right ones.

The first revision of a line makes in PostgreSQL what its SQLite file has. On SQLite it does nothing: there the frozen
scripts of before (identity_1.sql to identity_6.sql, journal.sql, preferences.sql) go on making the file and bringing
older ones up, and `sqlite.bring_up` then stamps it as revision 1 and runs the revisions behind it. So the code that
opens a SQLite file runs its scripts, then calls `bring_up(connection, line=IDENTITY, path=path)`; a file that is only
read is checked by `check_file`. On PostgreSQL a server calls `postgres.check_database(url)` when it starts.

Alembic is imported only when there is something to run: that takes a quarter of a second.
"""
