"""The tables of preferences, as the statements know them; revisions and a frozen script make them.

`personal` are the columns that say something about a person: no view shows them to who only looks.
"""

from typing import Final

from sqlalchemy import BigInteger, Column, MetaData, Table, Text

from waiver_exchange.adapters.sql.columns import Bytes

metadata: Final = MetaData()
account_settings: Final = Table(
    "account_settings",
    metadata,
    Column("account", BigInteger, primary_key=True, autoincrement=False),
    Column("settings", Bytes, nullable=False, info={"personal": True}),
)
watchlists: Final = Table(
    "watchlists",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("account", BigInteger, nullable=False),
    Column("name", Text, nullable=False, info={"personal": True}),
    Column("symbols", Bytes, nullable=False, info={"personal": True}),
    Column("created_at_ns", BigInteger, nullable=False),
    Column("updated_at_ns", BigInteger, nullable=False),
)
