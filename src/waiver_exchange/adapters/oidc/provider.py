"""One OpenID Connect provider: the way to it, and what comes of the code that it sends a browser back with."""

from typing import Final

import httpx2

from waiver_exchange.adapters.oidc.bounded_transport import BoundedTransport
from waiver_exchange.adapters.oidc.id_token import Expected, check_id_token, read_key_id
from waiver_exchange.adapters.oidc.metadata import Metadata, ProviderDirectory
from waiver_exchange.adapters.oidc.oauth_client import AsyncOAuth2Client, OAuthError
from waiver_exchange.application.ports import Clock
from waiver_exchange.application.sign_in_ports import ProvenLogin, ProviderAnswerError, ProviderUnavailableError
from waiver_exchange.config import OidcProviderSettings
from waiver_exchange.domain.limits import NANOSECONDS_PER_SECOND

SCOPE: Final = "openid email profile"
_SECRET_METHODS: Final = ("client_secret_basic", "client_secret_post")


class OidcProvider:
    """Asks one provider who somebody is."""

    def __init__(
        self,
        settings: OidcProviderSettings,
        *,
        client_secret: str | None,
        clock: Clock,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        """Take what the operator set; nothing is asked before somebody signs in."""
        self._settings = settings
        self._client_secret = client_secret
        self._clock = clock
        self._transport = transport or BoundedTransport()
        self._directory = ProviderDirectory(issuer=settings.issuer, transport=self._transport)

    @property
    def name(self) -> str:
        """What it is called in paths and settings."""
        return self._settings.name

    @property
    def label(self) -> str:
        """What it is called on the button."""
        return self._settings.label

    async def authorization_url(self, *, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        """Return where the browser goes to sign in. Raises `ProviderUnavailableError`, `ProviderAnswerError`."""
        metadata = await self._directory.metadata()
        client = self._client(metadata, redirect_uri=redirect_uri)
        url, _ = client.create_authorization_url(
            metadata.authorization_endpoint, state=state, nonce=nonce, code_verifier=verifier
        )
        return str(url)

    async def identify(
        self, *, code: str, said_issuer: str | None, redirect_uri: str, nonce: str, verifier: str
    ) -> ProvenLogin:
        """Return whom the provider vouches for with a code; its tokens are dropped at once.

        Raises `ProviderUnavailableError`, `ProviderAnswerError`.
        """
        metadata = await self._directory.metadata()
        # The code may be for another provider, which an attacker would like us to hand to this one (RFC 9207).
        if said_issuer != self._settings.issuer and (said_issuer is not None or metadata.names_issuer):
            message = "the answer names another issuer"
            raise ProviderAnswerError(message)
        text = await self._fetch_id_token(metadata, code=code, redirect_uri=redirect_uri, verifier=verifier)
        expected = Expected(
            issuer=self._settings.issuer,
            client_id=self._settings.client_id,
            nonce=nonce,
            now_s=self._clock.now_ns() // NANOSECONDS_PER_SECOND,
        )
        keys = await self._directory.keys(kid=read_key_id(text))
        return check_id_token(text, keys=keys, algorithms=metadata.algorithms, expected=expected)

    async def close(self) -> None:
        """Close the connections to the provider."""
        await self._transport.aclose()

    async def _fetch_id_token(self, metadata: Metadata, *, code: str, redirect_uri: str, verifier: str) -> str:
        client = self._client(metadata, redirect_uri=redirect_uri)
        try:
            answer = await client.fetch_token(
                metadata.token_endpoint, grant_type="authorization_code", code=code, code_verifier=verifier
            )
        except OAuthError as error:
            # Its description is the provider's own words, which may quote anything.
            message = f"the provider refuses the code ({str(error.error)[:40]!r})"
            raise ProviderAnswerError(message) from error
        except httpx2.HTTPError as error:
            message = f"the token endpoint does not answer ({type(error).__name__})"
            raise ProviderUnavailableError(message) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            message = "the token endpoint answers no JSON object"
            raise ProviderAnswerError(message) from error
        text = answer.get("id_token")
        if not isinstance(text, str):
            message = "the token endpoint gives no ID token"
            raise ProviderAnswerError(message)
        return text

    def _client(self, metadata: Metadata, *, redirect_uri: str) -> AsyncOAuth2Client:
        """Return a client for one sign-in: it keeps the tokens that it gets, and is dropped with them."""
        return AsyncOAuth2Client(
            client_id=self._settings.client_id,
            client_secret=self._client_secret,
            token_endpoint_auth_method=self._auth_method(metadata),
            code_challenge_method="S256",
            redirect_uri=redirect_uri,
            scope=SCOPE,
            transport=self._transport,
            follow_redirects=False,
            trust_env=False,
        )

    def _auth_method(self, metadata: Metadata) -> str:
        if self._client_secret is None:
            return "none"
        offered = metadata.token_auth_methods
        return next((method for method in _SECRET_METHODS if method in offered), _SECRET_METHODS[0])
