"""The methods about personal data: the keys that encrypt it, its export and its erasure."""

from typing import Final

from msgspec import Struct

from waiver_exchange.application import data_keys, personal_data
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.operating.perform import checked_reason
from waiver_exchange.application.personal_data_ports import DataKeyStatus
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.control.params import NoParams, Reasoned, parse_account
from waiver_exchange.gateway.control.protocol import Result
from waiver_exchange.gateway.control.views import account_id

_KEY_DIGITS: Final = 64


class NewMasterKey(Reasoned, frozen=True, kw_only=True):
    """A master key as 64 hexadecimal digits; the socket is the owner's alone."""

    master_key: str


class ExportParams(Reasoned, frozen=True, kw_only=True):
    """An account whose person's data is wanted, and why."""

    account: str


class ErasureParams(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account whose person is to be erased, and why."""

    account: str
    reason: str


async def export_person(exchange: Exchange, params: ExportParams) -> Result:
    """Return all that is kept of the person of an account."""
    reason = checked_reason(params.reason)
    return await personal_data.export_person(exchange, account=parse_account(params.account), reason=reason)


async def erase_person(exchange: Exchange, params: ErasureParams) -> Result:
    """Forget the person of an account."""
    reason = checked_reason(params.reason)
    erasure = await personal_data.erase_person(exchange, account=parse_account(params.account), reason=reason)
    return {"account_id": account_id(erasure.account), "is_erased": erasure.finished_at_ns > 0}


async def rotate_data_key(exchange: Exchange, params: Reasoned) -> Result:
    """Encrypt with a new data key."""
    return _view(await data_keys.rotate_data_key(exchange, reason=checked_reason(params.reason)))


async def reseal(exchange: Exchange, _: NoParams) -> Result:
    """Encrypt some older values with the newest key."""
    return _view(await data_keys.reseal(exchange))


async def show_data_keys(exchange: Exchange, _: NoParams) -> Result:
    """Say how far the encryption is."""
    return _view(await exchange.data_keys.data_key_status())


async def rewrap_data_keys(exchange: Exchange, params: NewMasterKey) -> Result:
    """Wrap the data keys with another master key."""
    reason = checked_reason(params.reason)
    if len(params.master_key) != _KEY_DIGITS:
        raise RefusedError(RefusalReason.field_is_invalid, field="master_key")
    try:
        key = bytes.fromhex(params.master_key)
    except ValueError as error:
        raise RefusedError(RefusalReason.field_is_invalid, field="master_key") from error
    return {"keys_wrapped": await data_keys.change_master_key(exchange, key, reason=reason)}


def _view(status: DataKeyStatus) -> Result:
    return {
        "data_key": status.current,
        "older_data_keys": len(status.keys) - 1,
        "values": status.values,
        "values_under_older_keys": status.stale_values,
        "is_done": len(status.keys) == 1,
    }
