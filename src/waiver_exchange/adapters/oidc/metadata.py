"""What a provider says of itself (OpenID Connect Discovery 1.0) and the keys it signs with (RFC 7517)."""

import time
from ipaddress import ip_address
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import httpx2
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from waiver_exchange.application.sign_in_ports import ProviderAnswerError, ProviderUnavailableError

# Those that only the provider's private key can make; `none` and all with a shared secret are never among them.
SAFE_ALGORITHMS: Final = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
)
METADATA_SECONDS: Final = 3_600
# An unknown key id has the keys read again, but not more often than this, whoever makes up ids.
KEYS_AGAIN_SECONDS: Final = 10
_WELL_KNOWN: Final = "/.well-known/openid-configuration"


class Metadata(NamedTuple):
    """The addresses of a provider and what it can do."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    algorithms: frozenset[str]
    token_auth_methods: tuple[str, ...]
    names_issuer: bool


class ProviderDirectory:
    """A provider's metadata and keys, kept for an hour."""

    def __init__(self, *, issuer: str, transport: httpx2.AsyncBaseTransport) -> None:
        """Ask the issuer."""
        self._issuer = issuer
        self._transport = transport
        self._metadata: Metadata | None = None
        self._metadata_at = 0.0
        self._keys: KeySet | None = None
        self._keys_at = 0.0

    async def metadata(self) -> Metadata:
        """Return the metadata. Raises `ProviderUnavailableError`, `ProviderAnswerError`."""
        if self._metadata is None or time.monotonic() - self._metadata_at > METADATA_SECONDS:
            document = await self._get(self._issuer.rstrip("/") + _WELL_KNOWN)
            self._metadata = _read_metadata(document, issuer=self._issuer)
            self._metadata_at = time.monotonic()
        return self._metadata

    async def keys(self, *, kid: str | None) -> KeySet:
        """Return the keys, read again when one is asked for that is not among them.

        Raises `ProviderUnavailableError`, `ProviderAnswerError`.
        """
        known = self._keys
        age = time.monotonic() - self._keys_at
        is_missing = known is not None and kid is not None and all(key.kid != kid for key in known.keys)
        if known is None or age > METADATA_SECONDS or (is_missing and age > KEYS_AGAIN_SECONDS):
            document = await self._get((await self.metadata()).jwks_uri)
            known = self._keys = _read_keys(document)
            self._keys_at = time.monotonic()
        return known

    async def _get(self, url: str) -> dict[str, Any]:
        try:
            async with httpx2.AsyncClient(transport=_Shared(self._transport), trust_env=False) as client:
                response = await client.get(url, headers={"Accept": "application/json"}, follow_redirects=False)
        except httpx2.HTTPError as error:
            message = f"{url} cannot be read ({type(error).__name__})"
            raise ProviderUnavailableError(message) from error
        if response.status_code != httpx2.codes.OK:
            message = f"{url} answers {response.status_code}"
            raise ProviderUnavailableError(message)
        try:
            document = response.json()
        except ValueError:
            document = None
        if not isinstance(document, dict):
            message = f"{url} is no JSON object"
            raise ProviderAnswerError(message)
        return document


class _Shared(httpx2.AsyncBaseTransport):
    """A transport that outlives the client that uses it."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return await self._inner.handle_async_request(request)


def is_trusted_address(url: str, *, issuer: str) -> bool:
    """Return whether a secret may go to an address: over TLS, or within this machine when the issuer is on it too."""
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return True
    return parts.scheme == "http" and _is_loopback(parts.hostname) and _is_loopback(urlsplit(issuer).hostname)


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False


def _read_metadata(document: dict[str, Any], *, issuer: str) -> Metadata:
    if document.get("issuer") != issuer:
        message = "the discovery document names another issuer than the settings"
        raise ProviderAnswerError(message)
    endpoints = [document.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
    if not all(isinstance(url, str) and is_trusted_address(url, issuer=issuer) for url in endpoints):
        message = "the discovery document lacks an endpoint, or names one that is not reached over TLS"
        raise ProviderAnswerError(message)
    authorization, token, keys = (str(url) for url in endpoints)
    offered = document.get("id_token_signing_alg_values_supported") or ["RS256"]
    methods = document.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    return Metadata(
        authorization_endpoint=authorization,
        token_endpoint=token,
        jwks_uri=keys,
        algorithms=SAFE_ALGORITHMS.intersection(map(str, offered)),
        token_auth_methods=tuple(map(str, methods)),
        names_issuer=document.get("authorization_response_iss_parameter_supported") is True,
    )


def _read_keys(document: dict[str, Any]) -> KeySet:
    found = document.get("keys")
    keys = found if isinstance(found, list) else []
    # A provider may publish keys of kinds that we do not know; they are none of ours.
    usable = [key for key in keys if isinstance(key, dict) and key.get("kty") in {"RSA", "EC", "OKP"}]
    try:
        return KeySet.import_key_set({"keys": [key for key in usable if key.get("use", "sig") == "sig"]})
    except (JoseError, ValueError, TypeError, KeyError) as error:
        message = "the provider's keys cannot be read"
        raise ProviderAnswerError(message) from error
