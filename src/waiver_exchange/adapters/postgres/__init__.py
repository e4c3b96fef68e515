"""The database of an exchange that outgrew one process: PostgreSQL 15 or later, through asyncpg.

Invariants: a write of the journal has returned only when it is durable; who does not lead any more writes nothing; what
became of a write whose answer was lost is read back, after nothing can come of it any more. Imports asyncpg, and
application and what it may import. Its tables are made by `adapters/migrations`.
"""
