"""What can change of all that authentication and orders look up in memory: one record for each kind of change.

A record says what is now, so that applying it again changes nothing. Records hold personal data and private keys: they
go from memory to memory, over a socket that is the service's own, and are neither stored, logged nor sent elsewhere.
msgspec encodes them; each carries its kind.
"""

import msgspec

from waiver_exchange.application.identity_ports import Passkey, Person, Session, SigningKey
from waiver_exchange.application.personal_data_ports import Erasure
from waiver_exchange.application.ports import AccountSettings, ApiKey, RequestRates


class _Record(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """A change; `tag` names its kind."""


class AccountKept(_Record, frozen=True):
    """An account has a name, None when the person behind it was erased, and was opened at a time."""

    account: int
    name: str | None
    opened_at_ns: int

    def __repr__(self) -> str:
        """Leave the name out."""
        return f"AccountKept(account={self.account})"


class KeyKept(_Record, frozen=True):
    """A key is there, maybe revoked."""

    key: ApiKey


class KeyGone(_Record, frozen=True):
    """A revoked key is kept no more."""

    key_id: str


class RatesKept(_Record, frozen=True):
    """An account has limits of its own."""

    account: int
    rates: RequestRates


class PersonKept(_Record, frozen=True):
    """A person is there."""

    person: Person


class SessionKept(_Record, frozen=True):
    """A session is there, maybe revoked or expired."""

    session: Session


class SessionGone(_Record, frozen=True):
    """A session that ended is kept no more."""

    session_id: str


class PasskeyKept(_Record, frozen=True):
    """A passkey is there."""

    passkey: Passkey


class PasskeyGone(_Record, frozen=True):
    """A passkey was removed."""

    credential_id: bytes


class SigningKeyKept(_Record, frozen=True):
    """A key that signs access tokens, or did, is there."""

    key: SigningKey


class SigningKeyGone(_Record, frozen=True):
    """A key that signed access tokens was destroyed."""

    kid: str


class ErasureKept(_Record, frozen=True):
    """The person of an account is being forgotten, or was."""

    erasure: Erasure


class PersonErased(_Record, frozen=True):
    """All that was there about the person of an account is gone: name, keys, limits, sessions and passkeys."""

    erasure: Erasure


class SettingsKept(_Record, frozen=True):
    """An account's owner chose settings."""

    account: int
    settings: AccountSettings


class SettingsGone(_Record, frozen=True):
    """An account's settings are the defaults again."""

    account: int


IdentityChange = (
    AccountKept
    | KeyKept
    | KeyGone
    | RatesKept
    | PersonKept
    | SessionKept
    | SessionGone
    | PasskeyKept
    | PasskeyGone
    | SigningKeyKept
    | SigningKeyGone
    | ErasureKept
    | PersonErased
)

SettingsChange = SettingsKept | SettingsGone
