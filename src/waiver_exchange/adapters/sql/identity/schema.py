"""The tables of names and keys, as the statements know them; revisions and frozen scripts make them.

`personal` are the columns that say something about a person, sealed or not: no view shows them to who only looks.
"""

from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Column, Integer, MetaData, Table, Text

from waiver_exchange.adapters.sql.columns import Bytes

metadata: Final = MetaData()


def _key(name: str, kind: Any) -> Column[Any]:  # noqa: ANN401 - any type of a column
    return Column(name, kind, primary_key=True, autoincrement=False)


def _number(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False)


def _bytes(name: str) -> Column[bytes]:
    return Column(name, Bytes, nullable=False)


def _personal(column: Column[Any]) -> Column[Any]:
    column.info["personal"] = True
    return column


def _sealed(name: str, *, nullable: bool = False) -> Column[bytes]:
    return _personal(Column(name, Bytes, nullable=nullable, info={"sealed": True}))


data_keys: Final = Table(
    "data_keys", metadata, _key("key_id", BigInteger), _text("purpose"), _bytes("wrapped"), _number("created_at_ns")
)
accounts: Final = Table(
    "accounts", metadata, _key("account", BigInteger), _sealed("name", nullable=True), _number("opened_at_ns")
)
account_rates: Final = Table(
    "account_rates",
    metadata,
    _key("account", BigInteger),
    Column("orders_per_second", Integer),
    Column("reads_per_second", Integer),
    Column("account_orders_per_second", Integer),
    Column("account_reads_per_second", Integer),
)
api_keys: Final = Table(
    "api_keys",
    metadata,
    _personal(_key("key_id", Text)),
    _number("account"),
    _personal(_bytes("secret_hash")),
    _number("created_at_ns"),
    _personal(_text("name")),
    _text("scopes"),
    _number("last_used_at_ns"),
    _number("revoked_at_ns"),
)
people: Final = Table(
    "people",
    metadata,
    _key("person_id", Text),
    _number("account", nullable=True),
    _sealed("display_name"),
    _sealed("email"),
    _number("created_at_ns"),
)
logins: Final = Table(
    "logins",
    metadata,
    _personal(_key("login_index", Bytes)),
    _text("person_id"),
    _text("provider"),
    _sealed("issuer"),
    _sealed("subject"),
    _number("created_at_ns"),
)
sessions: Final = Table(
    "sessions",
    metadata,
    _personal(_key("session_id", Text)),
    _text("person_id"),
    _number("account"),
    _text("provider"),
    _number("created_at_ns"),
    _number("last_used_at_ns"),
    _number("expires_at_ns"),
    _number("revoked_at_ns"),
    _number("stepped_up_at_ns"),
    _sealed("device"),
    _sealed("address"),
)
refresh_tokens: Final = Table(
    "refresh_tokens",
    metadata,
    _personal(_key("token_hash", Bytes)),
    _personal(_text("session_id")),
    _number("generation"),
    _number("created_at_ns"),
    _number("expires_at_ns"),
    _number("used_at_ns"),
)
passkeys: Final = Table(
    "passkeys",
    metadata,
    _personal(_key("credential_id", Bytes)),
    _text("person_id"),
    _personal(_bytes("public_key")),
    _number("sign_count"),
    _sealed("name"),
    _text("transports"),
    _flag("is_backed_up"),
    _number("created_at_ns"),
    _number("last_used_at_ns"),
)
signing_keys: Final = Table(
    "signing_keys",
    metadata,
    _key("kid", Text),
    _text("algorithm"),
    _sealed("private_key"),
    _number("created_at_ns"),
    _number("retired_at_ns"),
)
invitations: Final = Table(
    "invitations",
    metadata,
    _key("invitation_id", Text),
    _personal(_bytes("code_hash")),
    _number("made_by"),
    _number("created_at_ns"),
    _number("expires_at_ns"),
    _number("used_at_ns"),
    _text("used_by"),
    _number("revoked_at_ns"),
    _number("account"),
)
notes: Final = Table(
    "notes",
    metadata,
    _key("note_id", Text),
    _number("account"),
    _number("author"),
    _number("created_at_ns"),
    _sealed("text"),
)
erasures: Final = Table(
    "erasures",
    metadata,
    _key("account", BigInteger),
    _text("person_id"),
    _number("started_at_ns"),
    _number("finished_at_ns"),
    _flag("was_frozen"),
)
erased_logins: Final = Table("erased_logins", metadata, _personal(_key("login_index", Bytes)), _flag("was_frozen"))
own_keys: Final = Table("own_keys", metadata, _key("purpose", Text), _sealed("key"))
# data_keys hold no personal data, but nobody has to see them.
data_keys.c.wrapped.info["personal"] = True
