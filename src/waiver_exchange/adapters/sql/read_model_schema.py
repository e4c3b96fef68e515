"""The tables of the read model, their columns in the order of the fields in `projections.state`.

A change of the tables, or of what the fold writes into them, takes a new `SCHEMA_VERSION`: an SQLite file is then made
afresh, the tables in PostgreSQL are migrated and emptied, and either is filled from the journal.
"""

from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, MetaData, Table, Text, TextClause, text
from sqlalchemy.types import TypeEngine

SCHEMA_VERSION: Final = 12
CHECKPOINT_KEY: Final = 1

metadata: Final = MetaData()

# SQLite takes only a column of type INTEGER as the row's own number, which saves an index; it has 64 bits there.
_Number: Final[TypeEngine[int]] = BigInteger().with_variant(Integer(), "sqlite")


def _key(name: str) -> Column[int]:
    return Column(name, _Number, primary_key=True, autoincrement=False)


def _part(name: str) -> Column[int]:
    """One of several columns of a primary key."""
    return Column(name, BigInteger, primary_key=True, autoincrement=False)


def _small_part(name: str) -> Column[int]:
    """The same, where 32 bits are enough and PostgreSQL's indexes become smaller by it."""
    return Column(name, Integer, primary_key=True, autoincrement=False)


def _numbers(*names: str) -> list[Column[int]]:
    return [Column(name, BigInteger, nullable=False) for name in names]


def _small(*names: str) -> list[Column[int]]:
    """Numbers of accounts and markets, which memory bounds far below 32 bits."""
    return [Column(name, Integer, nullable=False) for name in names]


def _texts(*names: str) -> list[Column[str]]:
    return [Column(name, Text, nullable=False) for name in names]


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False)


def _index_of_some(name: str, *columns: Column[Any], condition: TextClause) -> Index:
    return Index(name, *columns, sqlite_where=condition, postgresql_where=condition)


exchange: Final = Table(
    "exchange",
    metadata,
    _key("id"),  # always CHECKPOINT_KEY: the table has one row
    *_numbers("sequence", "time_ns"),
    _flag("is_halted"),
    *_numbers(
        "cash_issued_micros",
        "maker_fee_bps",
        "taker_fee_bps",
        "collar_bps",
        "band_bps",
        "breaker_bps",
        "breaker_window_ns",
        "breaker_halt_ns",
        "order_value_micros_max",
        "position_units_max",
        "open_orders_max",
        "orders_per_second_max",
        "lifetime_ns_default",
        "lifetime_ns_max",
    ),
)

accounts: Final = Table(
    "accounts",
    metadata,
    _key("account"),
    *_numbers("cash_micros", "held_micros"),
    _flag("is_halted"),
    *_numbers("opened_at_ns", "role"),
)

limits: Final = Table(
    "limits",
    metadata,
    _part("scope"),
    _part("number"),
    *_numbers(
        "order_value_micros_max",
        "position_units_max",
        "supply_share_bps_max",
        "open_orders_max",
        "orders_per_second",
        "orders_burst",
        "day_loss_micros_max",
        "day_turnover_micros_max",
        "team_bps_max",
        "playing_position_bps_max",
    ),
    sqlite_with_rowid=False,
)

holdings: Final = Table(
    "holdings",
    metadata,
    _small_part("account"),
    _small_part("market"),
    *_numbers("quantity_units", "held_units", "cost_micros", "realized_micros"),
    sqlite_with_rowid=False,
)

markets: Final = Table(
    "markets",
    metadata,
    _key("market"),
    *_texts("symbol", "name", "team", "position"),
    *_numbers("bye_week"),
    *_texts("projected_points"),
    *_numbers(
        "supply_units",
        "reference_price_cents",
        "last_price_cents",
        "last_trade_at_ns",
        "halt_cause",
        "halted_until_ns",
        "volume_units",
        "trade_count",
        "listed_at_ns",
        "listed_price_cents",
        "band_bps",
        "team_number",
        "position_number",
        "settled_price_cents",
        "book_sequence",
        "book_changed_at_ns",
        "quoted_bid_cents",
        "quoted_bid_units",
        "quoted_ask_cents",
        "quoted_ask_units",
    ),
)

orders: Final = Table(
    "orders",
    metadata,
    _key("order_id"),
    *_small("account", "market"),
    *_numbers("terms"),
    *_texts("given_client_order_id"),
    *_numbers(
        "quantity_units", "notional_micros", "limit_price_cents", "expires_at_ns", "created_at_ns", "updated_at_ns"
    ),
    *_texts("status", "reason"),
    *_numbers(
        "filled_quantity_units",
        "filled_value_micros",
        "fee_micros",
        "stop_price_cents",
        "triggered_at_ns",
        "replaces",
        "replaced_by",
    ),
)

# What the other columns of an order say never changes.
ORDER_CHANGES: Final = frozenset(
    {
        "updated_at_ns",
        "status",
        "reason",
        "filled_quantity_units",
        "filled_value_micros",
        "fee_micros",
        "triggered_at_ns",
        "replaced_by",
    }
)

# The condition is text, word for word the same in the index and in the queries, or SQLite would not use the index.
IS_OPEN: Final = text("status IN ('held', 'open', 'partially_filled')")
IS_CLOSED: Final = text("status NOT IN ('held', 'open', 'partially_filled')")

Index("orders_by_account", orders.c.account, orders.c.order_id)
Index("orders_by_account_and_market", orders.c.account, orders.c.market, orders.c.order_id)
# Without it, a start would read through all orders that ever were.
_index_of_some("orders_open", orders.c.order_id, condition=IS_OPEN)

trades: Final = Table(
    "trades",
    metadata,
    _key("trade_id"),
    *_numbers("sequence", "time_ns"),
    *_small("market", "price_cents"),
    *_numbers("quantity_units"),
    *_small("taker_side"),
    *_numbers("maker_order", "taker_order"),
    *_small("maker_account", "taker_account"),
    *_numbers("maker_fee_micros", "taker_fee_micros", "maker_filled_units", "taker_filled_units"),
)

Index("trades_by_market", trades.c.market, trades.c.trade_id)
# The fills of one order; those of an account are found by its movements of shares.
Index("trades_by_maker_order", trades.c.maker_order, trades.c.trade_id)
Index("trades_by_taker_order", trades.c.taker_order, trades.c.trade_id)

# Trades never change; which of them were reversed stands beside them.
busts: Final = Table("busts", metadata, _key("trade_id"), *_numbers("sequence", "time_ns"))

movements: Final = Table(
    "movements",
    metadata,
    _part("sequence"),
    _small_part("line"),
    *_numbers("time_ns"),
    *_texts("kind"),
    *_small("market"),
    *_numbers("amount"),
    *_small("from_account"),
    *_numbers("from_balance"),
    *_small("to_account"),
    *_numbers("to_balance", "trade_id"),
    *_texts("reference"),
    *_numbers("price_cents"),
    sqlite_with_rowid=False,
)

# What went from an account and what came to it, of cash or of one market's shares; the key is the last part of every
# index. An account's whole ledger is all of these together, so that no further index is written with every trade.
Index("movements_from", movements.c.from_account, movements.c.market, movements.c.time_ns)
Index("movements_to", movements.c.to_account, movements.c.market, movements.c.time_ns)
# What is no trade is rare and would be looked for among very many. The condition is text for the reason above.
IS_NO_TRADE: Final = text("kind <> 'trade'")
_index_of_some(
    "movements_from_rare", movements.c.from_account, movements.c.kind, movements.c.time_ns, condition=IS_NO_TRADE
)
_index_of_some(
    "movements_to_rare", movements.c.to_account, movements.c.kind, movements.c.time_ns, condition=IS_NO_TRADE
)

candles: Final = Table(
    "candles",
    metadata,
    _small_part("minutes"),  # how long it is: 1 or 60
    _small_part("market"),
    _part("time_ns"),
    *_numbers("open_cents", "high_cents", "low_cents", "close_cents", "volume_units", "value_micros", "trades"),
    sqlite_with_rowid=False,
)


actions: Final = Table(
    "actions",
    metadata,
    _key("sequence"),
    *_texts("action_id", "name"),
    *_numbers("actor", "account"),
    *_texts("parameters", "reason", "status"),
    *_numbers("requested_at_ns", "decided_by", "decided_at_ns"),
    *_texts("decision_reason"),
    *_numbers("done_by", "done_at_ns"),
    *_texts("outcome", "facts"),
)

# The condition is text for the reason above.
IS_UNDONE: Final = text("status IN ('proposed', 'requested', 'approved')")
Index("actions_by_id", actions.c.action_id, unique=True)
_index_of_some("actions_open", actions.c.sequence, condition=IS_UNDONE)

audit: Final = Table(
    "audit",
    metadata,
    _key("sequence"),
    *_numbers("time_ns", "event", "account", "actor"),
    *_texts("facts"),
)

# Times grow with the sequence, which ends each index by itself.
Index("audit_by_time", audit.c.time_ns)
Index("audit_by_event", audit.c.event)
Index("audit_by_account", audit.c.account)
Index("audit_by_actor", audit.c.actor)

quotes: Final = Table(
    "quotes",
    metadata,
    _small_part("market"),
    _part("time_ns"),
    *_numbers("bid_cents", "bid_units", "ask_cents", "ask_units"),
    sqlite_with_rowid=False,
)
