"""The audit trail and the signed checkpoints of the journal."""

from decimal import Decimal

import msgspec

from waiver_exchange.client.timestamps import Timestamp


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A signed checkpoint: `note` is the whole of it as it is verified. Hashes are in hex."""

    number: int
    sequence: int
    time: Timestamp
    chain: str
    state_hash: str
    state_format: int
    cash_issued: Decimal
    cash_held: Decimal
    note: str


class AuditPublicKeys(msgspec.Struct, frozen=True, kw_only=True):
    """The keys that signed checkpoints, oldest first; the last one signs now."""

    origin: str
    public_keys: list[str]


class AuditEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A security event or admin action; `actor` is None for the host's command line and the service itself."""

    sequence: int
    time: Timestamp
    event: str
    account: str | None
    actor: str | None
    facts: dict[str, str | int]
