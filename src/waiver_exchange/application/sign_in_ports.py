"""What signing in needs from outside: those who say who somebody is, and what the operator lets in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol


class ProviderUnavailableError(Exception):
    """A provider cannot be reached or answers with a failure; the message is for the operator's log."""


class ProviderAnswerError(Exception):
    """What a provider answered fails a check; the message says which, for the operator's log, and quotes no token."""


class ProvenLogin(NamedTuple):
    """Whom a provider vouches for. Only the issuer and the subject say who it is; the rest may change and repeat."""

    issuer: str
    subject: str
    display_name: str = ""
    email: str = ""
    is_email_verified: bool = False


class Provider(Protocol):
    """An OpenID Connect provider, by the authorization code flow with PKCE."""

    @property
    def name(self) -> str:
        """What it is called in paths and settings."""

    @property
    def label(self) -> str:
        """What it is called on the button."""

    async def authorization_url(self, *, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        """Return where the browser goes to sign in. Raises `ProviderUnavailableError`, `ProviderAnswerError`."""

    async def identify(
        self, *, code: str, said_issuer: str | None, redirect_uri: str, nonce: str, verifier: str
    ) -> ProvenLogin:
        """Return whom the provider vouches for with a code; its tokens are dropped at once.

        `said_issuer` is what the answer named as its issuer (RFC 9207). Raises `ProviderUnavailableError`,
        `ProviderAnswerError`.
        """

    async def close(self) -> None:
        """Give the connections back."""


class SignUp(StrEnum):
    """Who may open an account by signing in for the first time."""

    open = "open"
    invitation = "invitation"
    domains = "domains"
    closed = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUpRules:
    """`domains` are those of verified e-mail addresses, in lower case; new accounts begin with the starting cash."""

    mode: SignUp = SignUp.open
    domains: frozenset[str] = frozenset()
    starting_cash_micros: int = 0


@dataclass(slots=True, kw_only=True)
class SignInParts:
    """The providers by name, the rules, and where the exchange is reached.

    `origins` are those of its own pages. `used_states` are the sign-ins that came back, until they are too old anyhow.
    """

    public_url: str
    origins: frozenset[str]
    rules: SignUpRules
    is_demo: bool = False
    providers: Mapping[str, Provider] = field(default_factory=dict)
    used_states: dict[str, int] = field(default_factory=dict)
