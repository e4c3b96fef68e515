"""The database of an exchange that outgrew one process: PostgreSQL 15 or later.

The journal goes through asyncpg, the read model through psycopg and SQLAlchemy in threads.

Invariants: a write of the journal has returned only when it is durable; who does not lead any more writes nothing; what
became of a write whose answer was lost is read back, after nothing can come of it any more; the read model and its
checkpoint change in one transaction; who waits for the database waits no longer than a time. Imports asyncpg, psycopg,
SQLAlchemy, `adapters.sql`, and application and what it may import. Its tables are made by `adapters/migrations`.
"""
