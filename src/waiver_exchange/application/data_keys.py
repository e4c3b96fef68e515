"""The operator's work on the keys that encrypt personal data."""

from typing import Final

from waiver_exchange.application import audit
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.personal_data_ports import DataKeyStatus
from waiver_exchange.domain.audit_events import AuditEvent

# Of one call, so that the answer comes within a second or so.
BATCHES_MAX: Final = 100


async def rotate_data_key(exchange: Exchange, *, reason: str) -> DataKeyStatus:
    """Encrypt with a new data key from now on; older values follow in the background.

    Raises `IdentityError`, and `RefusedError` when it cannot be journaled: then the new key is in use all the same.
    """
    number = await exchange.data_keys.rotate_data_key()
    await audit.record(exchange, AuditEvent.data_key_rotated, facts={"data_key": number, "reason": reason})
    return await exchange.data_keys.data_key_status()


async def change_master_key(exchange: Exchange, new_master_key: bytes, *, reason: str) -> int:
    """Wrap the keys with another master key, needed from the next start on, and return how many keys there are.

    Raises `IdentityError`, and `RefusedError` when it cannot be journaled: then the new master key counts all the same.
    """
    count = await exchange.data_keys.rewrap_data_keys(new_master_key)
    await audit.record(exchange, AuditEvent.master_key_changed, facts={"keys": count, "reason": reason})
    return count


async def reseal(exchange: Exchange) -> DataKeyStatus:
    """Encrypt the next older values with the newest key without waiting for the background. Raises `IdentityError`."""
    for _ in range(BATCHES_MAX):
        if not await exchange.data_keys.reseal_some():
            break
    return await exchange.data_keys.data_key_status()
