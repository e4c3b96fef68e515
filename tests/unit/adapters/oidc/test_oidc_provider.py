"""A provider over the network: what of its answers is believed."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from joserfc.jwk import RSAKey

from tests.support.crooked_provider import CrookedProvider, serving_crooked_provider
from waiver_exchange.adapters.oidc import bounded_transport, metadata
from waiver_exchange.adapters.oidc.bounded_transport import BODY_BYTES_MAX, BoundedTransport
from waiver_exchange.adapters.oidc.provider import OidcProvider
from waiver_exchange.adapters.system.clock import SystemClock
from waiver_exchange.application.sign_in_ports import ProvenLogin, ProviderAnswerError, ProviderUnavailableError
from waiver_exchange.config import OidcProviderSettings

CALLBACK = "http://localhost:8081/auth/callback/league"
VERIFIER = "v" * 43
CLIENT = "waiver"


class FromNow(NamedTuple):
    """A time that many seconds after the test begins, which is long after it was collected."""

    seconds: int


WITH_A_PLAIN_ENDPOINT = (
    b'{"issuer": "https://id.example", "authorization_endpoint": "https://a", "token_endpoint": "http://a", '
    b'"jwks_uri": "https://a"}'
)


@pytest.fixture(scope="module")
def serving() -> Iterator[CrookedProvider]:
    with serving_crooked_provider() as provider:
        yield provider


@pytest.fixture
def crook(serving: CrookedProvider) -> CrookedProvider:
    serving.fresh()
    return serving


def provider_at(issuer: str, transport: httpx2.AsyncBaseTransport | None = None) -> OidcProvider:
    settings = OidcProviderSettings(name="league", label="League", issuer=issuer, client_id=CLIENT)
    return OidcProvider(settings, client_secret="shown to nobody", clock=SystemClock(), transport=transport)  # noqa: S106 - made up


@pytest.fixture
async def provider(crook: CrookedProvider) -> AsyncIterator[OidcProvider]:
    provider = provider_at(crook.issuer)
    yield provider
    await provider.close()


async def sign_in(provider: OidcProvider, **changed: str | None) -> ProvenLogin:
    """Go to the provider and come back; `changed` replaces what is asked with on the way back."""
    url = await provider.authorization_url(redirect_uri=CALLBACK, state="s", nonce="n", verifier=VERIFIER)
    async with httpx2.AsyncClient(trust_env=False) as browser:
        back = (await browser.get(url)).headers["location"]
    answer = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
    said_issuer = changed["said_issuer"] if "said_issuer" in changed else answer.get("iss")
    return await provider.identify(
        code=answer["code"], said_issuer=said_issuer, redirect_uri=CALLBACK, nonce="n", verifier=VERIFIER
    )


async def test_an_honest_answer_says_who_it_is(crook: CrookedProvider, provider: OidcProvider) -> None:
    login = await sign_in(provider)
    assert login == (crook.issuer, "crook", "Full name of crook", "crook@example.test", True)


async def test_the_way_there_asks_with_pkce_state_and_nonce(crook: CrookedProvider, provider: OidcProvider) -> None:
    await sign_in(provider)
    asked = crook.asked[-1]
    assert (asked["response_type"], asked["client_id"], asked["redirect_uri"]) == ("code", CLIENT, CALLBACK)
    assert (asked["state"], asked["nonce"], asked["code_challenge_method"]) == ("s", "n", "S256")
    assert VERIFIER not in asked.values()
    assert "openid" in asked["scope"].split()


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://other.example"},
        {"iss": None},
        {"aud": "another"},
        {"aud": None},
        {"aud": ["waiver", "another"]},
        {"aud": ["waiver", "another"], "azp": "another"},
        {"azp": "another"},
        {"exp": FromNow(-60)},
        {"exp": None},
        {"exp": "soon"},
        {"iat": FromNow(600)},
        {"iat": FromNow(-86_400)},
        {"iat": None},
        {"nbf": FromNow(600)},
        {"nonce": "another"},
        {"nonce": None},
        {"nonce": 1},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
    ],
    ids=" ".join,
)
async def test_a_wrong_claim_is_not_believed(
    crook: CrookedProvider, provider: OidcProvider, claims: dict[str, Any]
) -> None:
    now = int(time.time())
    crook.claims = {
        name: now + value.seconds if isinstance(value, FromNow) else value for name, value in claims.items()
    }
    with pytest.raises(ProviderAnswerError):
        await sign_in(provider)


async def test_one_audience_among_several_is_believed_when_it_is_the_party(
    crook: CrookedProvider, provider: OidcProvider
) -> None:
    crook.claims = {"aud": ["waiver", "another"], "azp": "waiver"}
    assert (await sign_in(provider)).subject == "crook"


@pytest.mark.parametrize("header", [{"alg": "none"}, {"alg": "HS256"}, {"kid": "unknown"}], ids=str)
async def test_a_wrong_signature_is_not_believed(
    crook: CrookedProvider, provider: OidcProvider, header: dict[str, str]
) -> None:
    crook.header = header
    with pytest.raises(ProviderAnswerError):
        await sign_in(provider)


async def test_a_signature_of_another_key_under_a_known_id_is_not_believed(
    crook: CrookedProvider, provider: OidcProvider
) -> None:
    crook.signing_key = RSAKey.generate_key(2048, {"kid": "published"})
    with pytest.raises(ProviderAnswerError):
        await sign_in(provider)


@pytest.mark.parametrize("issuer", ["https://other.example", None])
async def test_an_answer_of_another_provider_is_not_taken(provider: OidcProvider, issuer: str | None) -> None:
    with pytest.raises(ProviderAnswerError, match="another issuer"):
        await sign_in(provider, said_issuer=issuer)


async def test_an_address_counts_as_verified_only_when_the_provider_says_so(
    crook: CrookedProvider, provider: OidcProvider
) -> None:
    for said, is_verified in ((True, True), ("true", True), (False, False), (None, False), (1, True), ("yes", False)):
        crook.claims = {"email_verified": said}
        assert (await sign_in(provider)).is_email_verified == is_verified


async def test_new_keys_are_read_when_a_token_names_one(
    crook: CrookedProvider, provider: OidcProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata, "KEYS_AGAIN_SECONDS", 0)
    await sign_in(provider)
    before = crook.key
    try:
        crook.key = crook.signing_key = RSAKey.generate_key(2048, {"kid": "new", "use": "sig", "alg": "RS256"})
        crook.header = {"kid": "new"}
        assert (await sign_in(provider)).subject == "crook"
    finally:
        crook.key = before


async def test_a_provider_that_is_not_there_is_unavailable() -> None:
    provider = provider_at("http://127.0.0.1:9")
    with pytest.raises(ProviderUnavailableError):
        await provider.authorization_url(redirect_uri=CALLBACK, state="s", nonce="n", verifier=VERIFIER)


def answering(*, status: int = 200, content: bytes = b"{}", headers: dict[str, str] | None = None) -> BoundedTransport:
    """A network on which everything answers the same."""

    def respond(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, stream=httpx2.ByteStream(content), headers=headers)

    return BoundedTransport(httpx2.MockTransport(respond))


@pytest.mark.parametrize(
    ("status", "content", "headers"),
    [
        (500, b"{}", {}),
        (302, b"", {"location": "http://127.0.0.1:9/"}),
        (200, b"x" * (BODY_BYTES_MAX + 1), {}),
        (200, b"{}", {"content-encoding": "gzip"}),
    ],
)
async def test_what_is_no_answer_is_unavailable(status: int, content: bytes, headers: dict[str, str]) -> None:
    provider = provider_at("https://id.example", answering(status=status, content=content, headers=headers))
    with pytest.raises(ProviderUnavailableError):
        await provider.authorization_url(redirect_uri=CALLBACK, state="s", nonce="n", verifier=VERIFIER)


@pytest.mark.parametrize(
    "document",
    [
        b"[]",
        b"no json",
        b"{}",
        b'{"issuer": "https://other.example"}',
        WITH_A_PLAIN_ENDPOINT,
        b'{"issuer": "https://id.example", "authorization_endpoint": "https://a", "token_endpoint": "https://a"}',
    ],
)
async def test_a_document_that_cannot_be_trusted_is_refused(document: bytes) -> None:
    provider = provider_at("https://id.example", answering(content=document))
    with pytest.raises(ProviderAnswerError):
        await provider.authorization_url(redirect_uri=CALLBACK, state="s", nonce="n", verifier=VERIFIER)


async def test_who_answers_too_slowly_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(_: httpx2.Request) -> httpx2.Response:
        await asyncio.sleep(60)
        return httpx2.Response(200)

    monkeypatch.setattr(bounded_transport, "SECONDS_MAX", 0.01)
    provider = provider_at("https://id.example", BoundedTransport(httpx2.MockTransport(never)))
    with pytest.raises(ProviderUnavailableError):
        await provider.authorization_url(redirect_uri=CALLBACK, state="s", nonce="n", verifier=VERIFIER)
