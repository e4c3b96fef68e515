"""Fill a PostgreSQL with the rows of a season, in the order in which they would have come, made by the server itself.

Half of the orders trade, a trade moves cash and shares, every order is a row of the journal with a key. A fifth comes
from ten accounts that trade everything, the others from 10,000 that trade some 40 markets each of 500, of which some
are far more popular than others.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Final

import psycopg

LARGE: Final = (
    "exchange.journal",
    "read_model.orders",
    "read_model.trades",
    "read_model.movements",
)
MARKETS: Final = 500
BOTS: Final = 10
ACCOUNTS: Final = 10_000
START_NS: Final = 1_788_739_200_000_000_000  # 7 September 2026, 00:00 UTC
SEASON_NS: Final = 126 * 86_400 * 1_000_000_000
SEASON_ORDERS: Final = 50_000_000
STEP_NS: Final = SEASON_NS // SEASON_ORDERS
ROW_BITS: Final = 28

_FUNCTIONS: Final = f"""
CREATE FUNCTION pg_temp.share(i bigint, seed bigint) RETURNS float8 IMMUTABLE LANGUAGE sql
AS 'SELECT (hashint8extended(i, seed) & 2147483647) / 2147483648.0::float8';
CREATE FUNCTION pg_temp.order_of(i bigint) RETURNS bigint IMMUTABLE LANGUAGE sql
AS 'SELECT (i << {ROW_BITS}) | (i % 100000)';
CREATE FUNCTION pg_temp.market_of(i bigint) RETURNS integer IMMUTABLE LANGUAGE sql
AS 'SELECT 1 + floor({MARKETS} * power(pg_temp.share(i, 1), 2))::integer';
CREATE FUNCTION pg_temp.account_of(i bigint, market integer, seed bigint) RETURNS integer IMMUTABLE LANGUAGE sql
AS 'SELECT CASE WHEN pg_temp.share(i, seed + 1) < 0.2 THEN 2 + floor({BOTS} * pg_temp.share(i, seed))::integer
    ELSE {2 + BOTS} + (market * 131 + floor(800 * pg_temp.share(i, seed))::integer) % {ACCOUNTS} END';
"""

_CHUNK: Final = f"""
CREATE TEMPORARY TABLE chunk ON COMMIT DROP AS
SELECT i, market, pg_temp.account_of(i, market, 2) AS account, pg_temp.account_of(i, market, 4) AS maker,
    {START_NS} + i * {STEP_NS} AS time_ns, 1000 + (market * 37 + i / 1000 %% 200)::integer AS price
FROM (SELECT i, pg_temp.market_of(i) AS market FROM generate_series(%(first)s::bigint, %(last)s) AS i) AS numbered
"""  # noqa: S608 - our own numbers

# In the order in which an exchange would write them.
_ROWS: Final = (
    """
INSERT INTO exchange.journal
SELECT i, time_ns, account, decode(md5('key' || i), 'hex'), decode(repeat(md5(i::text), 6), 'hex'),
    decode(repeat(md5(i::text), 13), 'hex'), decode(repeat(md5(i::text), 2), 'hex')
FROM chunk ORDER BY i
""",
    """
INSERT INTO read_model.orders
SELECT pg_temp.order_of(i), account, market, i % 2, CASE WHEN i % 4 < 2 THEN md5(i::text)::uuid::text ELSE '' END,
    100000, 0, price, time_ns + 604800000000000, time_ns, time_ns + 60000000000,
    CASE WHEN i % 2 = 0 THEN 'filled' ELSE 'cancelled' END, CASE WHEN i % 2 = 0 THEN '' ELSE 'requested' END,
    CASE WHEN i % 2 = 0 THEN 100000 ELSE 0 END, CASE WHEN i % 2 = 0 THEN 100000 * price ELSE 0 END, 0, 0, 0, 0, 0
FROM chunk ORDER BY i
""",
    """
INSERT INTO read_model.trades
SELECT i / 2, i, time_ns, market, price, 100000, 0, pg_temp.order_of(i - 1 - i * 7919 % 1000), pg_temp.order_of(i),
    maker, account, 0, 0, 100000, 100000
FROM chunk WHERE i % 2 = 0 ORDER BY i
""",
    """
INSERT INTO read_model.movements
SELECT i, line, time_ns, 'trade', CASE line WHEN 0 THEN 0 ELSE market END,
    CASE line WHEN 0 THEN 100000 * price ELSE 100000 END, CASE line WHEN 0 THEN account ELSE maker END, 1000000000,
    CASE line WHEN 0 THEN maker ELSE account END, 1000000000, i / 2, '', CASE line WHEN 0 THEN 0 ELSE price END
FROM chunk, generate_series(0, 1) AS line WHERE i % 2 = 0 ORDER BY i, line
""",
    """
INSERT INTO read_model.candles
SELECT minutes, market, time_ns - time_ns % (minutes * 60000000000), min(price), max(price), min(price), max(price),
    sum(100000), sum(100000 * price), count(*)
FROM chunk, unnest(ARRAY[1, 60]) AS minutes WHERE i % 2 = 0 GROUP BY 1, 2, 3 ORDER BY 3, 2
ON CONFLICT (minutes, market, time_ns) DO UPDATE SET trades = candles.trades + excluded.trades
""",
    """
INSERT INTO read_model.holdings
SELECT DISTINCT owner, market, 1000000, 0, 1000000, 0 FROM chunk, unnest(ARRAY[account, maker]) AS owner
ON CONFLICT DO NOTHING
""",
    f"UPDATE read_model.exchange SET sequence = %(last)s, time_ns = {START_NS} + %(last)s::bigint * {STEP_NS}",  # noqa: S608 - as above
)


def fill(connection: psycopg.Connection, *, first: int, last: int) -> None:
    """Make the rows of the orders `first` to `last`; the tables hold those before."""
    with connection.transaction():
        connection.execute(_CHUNK, {"first": first, "last": last})
        for statement in _ROWS:
            connection.execute(statement, {"last": last} if "%(last)s" in statement else None)


@contextmanager
def without_indexes(connection: psycopg.Connection) -> Iterator[None]:
    """Take the indexes of the large tables away for the block, which makes them four times as quick to fill."""
    connection.execute(_FUNCTIONS)
    found = connection.execute(
        "SELECT conrelid::regclass::text, conname::text, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE contype = 'p' AND conrelid = ANY(%s::regclass[])",
        (list(LARGE),),
    ).fetchall()
    indexes = connection.execute(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index "
        "WHERE NOT indisprimary AND indrelid = ANY(%s::regclass[])",
        (list(LARGE),),
    ).fetchall()
    for table, name, _ in found:
        connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")
    yield
    connection.execute("SET maintenance_work_mem = '512MB'")
    for table, name, definition in found:
        connection.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
    for _, definition in indexes:
        connection.execute(definition.replace(" ON ONLY ", " ON "))


def partition(connection: psycopg.Connection, *, partitions: int, orders: int) -> None:
    """Make the large tables of the read model anew as partitions of equal ranges of their first key."""
    spans = {"orders": order_id(orders), "trades": orders // 2, "movements": orders}
    for table, span in spans.items():
        name, key = f"read_model.{table}", {"orders": "order_id", "trades": "trade_id", "movements": "sequence"}[table]
        connection.execute(f"ALTER TABLE {name} RENAME TO {table}_plain")
        connection.execute(f"CREATE TABLE {name} (LIKE {name}_plain INCLUDING ALL) PARTITION BY RANGE ({key})")
        connection.execute(f"DROP TABLE {name}_plain")
        bounds = ["MINVALUE", *(str(span * n // partitions) for n in range(1, partitions)), "MAXVALUE"]
        for number, (low, high) in enumerate(pairwise(bounds)):
            connection.execute(f"CREATE TABLE {name}_{number} PARTITION OF {name} FOR VALUES FROM ({low}) TO ({high})")
        connection.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON {name} TO waiver_service")


def order_id(serial: int) -> int:
    """Return the id of the order that came as number `serial`."""
    return serial << ROW_BITS | serial % 100_000
