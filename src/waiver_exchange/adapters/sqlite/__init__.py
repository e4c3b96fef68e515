"""The embedded database: the journal in one SQLite file, what can be rebuilt from it in others.

Invariants: the journal's write has returned only when it is on the disk; each file has one writing connection, used by
one thread; no file but the journal is a place of truth. Imports sqlite3, SQLAlchemy, and application and what it may
import.
"""
