"""Access tokens: what is read of them, what is refused, and the keys that sign them."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.fakes.clock import FakeClock
from tests.fakes.identity import FakeSigningKeys
from waiver_exchange.application.access_tokens import ROTATION_SECONDS, TOKEN_SECONDS, AccessTokens
from waiver_exchange.domain.ids import IdKind, to_text

URL = "https://exchange.example"
SCOPES = frozenset({"read", "trade"})


def drawn() -> Callable[[int], bytes]:
    """Return a source of bytes that never repeats."""
    numbers = iter(range(1, 1_000))
    return lambda count: hashlib.shake_256(str(next(numbers)).encode()).digest(count)


class World:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = FakeSigningKeys()
        self.tokens = AccessTokens(store=self.store, clock=self.clock, draw_bytes=drawn(), public_url=URL)

    @property
    def now(self) -> int:
        return self.clock.now_ns() // 10**9

    def claims(self) -> dict[str, Any]:
        """What an honest token says."""
        return {
            "iss": URL,
            "aud": URL,
            "sub": to_text(IdKind.account, 7),
            "iat": self.now,
            "exp": self.now + TOKEN_SECONDS,
            "jti": "once",
            "scope": "read",
            "sid": "a-session",
        }

    def signed(self, changed: Mapping[str, Any], header: Mapping[str, Any] | None = None) -> str:
        """A token of the newest key with other claims; None leaves one out."""
        key = self.store.list_signing_keys()[-1]
        said = {"alg": "EdDSA", "kid": key.kid, "typ": "at+jwt", **(header or {})}
        text = f"{part(said)}.{part({n: v for n, v in {**self.claims(), **changed}.items() if v is not None})}"
        return f"{text}.{encoded(Ed25519PrivateKey.from_private_bytes(key.private_key).sign(text.encode()))}"


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def part(content: Mapping[str, Any]) -> str:
    return encoded(json.dumps(content).encode())


@pytest.fixture
async def world() -> World:
    world = World()
    await world.tokens.prepare()
    return world


async def test_a_token_that_was_given_here_is_known_and_another_is_proven_first(world: World) -> None:
    given, foreign = world.tokens.sign(account=7, scopes=SCOPES, session_id="a-session"), world.signed({})
    assert world.tokens.recall(given.text) == world.tokens.peek(given.text)
    assert world.tokens.recall(foreign) is None
    assert world.tokens.read(foreign) == world.tokens.peek(foreign) == world.tokens.recall(foreign)
    await world.tokens.rotate(at_once=True)
    assert [world.tokens.recall(text) or world.tokens.peek(text) for text in (given.text, foreign)] == [None, None]


@pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "W10.W10.A", "e30.e30.A", "\xe9.e30.A", "x" * 5_000])
async def test_what_is_no_token_is_not_even_read(world: World, text: str) -> None:
    assert world.tokens.peek(text) is None
    assert world.tokens.read(text) is None


async def test_a_token_says_what_it_was_signed_with(world: World) -> None:
    token = world.tokens.sign(account=7, scopes=SCOPES, session_id="a-session")
    claim = world.tokens.read(token.text)
    assert claim == (7, "", "a-session", SCOPES, token.expires_at_ns)
    assert world.tokens.read(token.text) is claim  # known by its hash
    world.clock.now = token.expires_at_ns
    assert world.tokens.read(token.text) is None


async def test_an_honest_token_of_the_test_is_read(world: World) -> None:
    claim = world.tokens.read(world.signed({}))
    assert claim is not None
    assert claim.session_id == "a-session"


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://other.example"},
        {"iss": None},
        {"aud": "https://other.example"},
        {"aud": None},
        {"aud": [URL]},
        {"sub": "7"},
        {"sub": None},
        {"exp": None},
        {"exp": "soon"},
        {"iat": None},
        {"scope": None},
        {"sid": None},
        {"client_id": "WXKEY"},
    ],
)
async def test_a_claim_that_is_not_ours_is_refused(world: World, changed: Mapping[str, Any]) -> None:
    assert world.tokens.read(world.signed(changed)) is None


@pytest.mark.parametrize(
    ("name", "offset"), [("iat", 60), ("nbf", 60), ("exp", 0), ("exp", -60), ("exp", TOKEN_SECONDS + 1)]
)
async def test_a_token_of_another_time_is_refused(world: World, name: str, offset: int) -> None:
    assert world.tokens.read(world.signed({name: world.now + offset})) is None


@pytest.mark.parametrize("header", [{"alg": "none"}, {"alg": "HS256"}, {"kid": "another"}, {"typ": "JWT"}, {"kid": 7}])
async def test_a_header_that_is_not_ours_is_refused(world: World, header: Mapping[str, Any]) -> None:
    assert world.tokens.read(world.signed({}, header)) is None


async def test_a_token_without_a_signature_is_refused(world: World) -> None:
    kid = world.store.list_signing_keys()[-1].kid
    text = f"{part({'alg': 'none', 'kid': kid, 'typ': 'at+jwt'})}.{part(world.claims())}"
    assert world.tokens.read(f"{text}.") is None
    assert world.tokens.read(text) is None


async def test_a_token_signed_with_the_public_key_as_a_secret_is_refused(world: World) -> None:
    [public] = world.tokens.public_keys()
    text = f"{part({'alg': 'HS256', 'kid': public['kid'], 'typ': 'at+jwt'})}.{part(world.claims())}"
    for secret in (public["x"].encode(), base64.urlsafe_b64decode(public["x"] + "=")):
        proof = hmac.digest(secret, text.encode(), "sha256")
        assert world.tokens.read(f"{text}.{encoded(proof)}") is None


async def test_the_key_before_is_known_until_its_tokens_have_expired(world: World) -> None:
    old = world.tokens.sign(account=7, scopes=SCOPES, session_id="a-session")
    world.clock.advance(ROTATION_SECONDS - 1_000)
    assert await world.tokens.rotate_if_due() is None
    old = world.tokens.sign(account=7, scopes=SCOPES, session_id="a-session")
    world.clock.advance(1_000)
    kid = await world.tokens.rotate_if_due()
    assert [key["kid"] for key in world.tokens.public_keys()][-1] == kid
    assert len(world.tokens.public_keys()) == 2
    assert world.tokens.read(old.text) is not None
    world.clock.advance(TOKEN_SECONDS + 60)
    assert await world.tokens.rotate_if_due() is None
    assert [key["kid"] for key in world.tokens.public_keys()] == [kid]
    assert world.tokens.read(old.text) is None


async def test_a_retired_key_signs_nothing_new(world: World) -> None:
    retired = world.store.list_signing_keys()[0]
    await world.tokens.rotate()
    world.clock.advance(60)
    text = f"{part({'alg': 'EdDSA', 'kid': retired.kid, 'typ': 'at+jwt'})}.{part(world.claims())}"
    proof = Ed25519PrivateKey.from_private_bytes(retired.private_key).sign(text.encode())
    assert world.tokens.read(f"{text}.{encoded(proof)}") is None


async def test_all_tokens_can_be_ended_at_once(world: World) -> None:
    token = world.tokens.sign(account=7, scopes=SCOPES, session_id="a-session")
    assert world.tokens.read(token.text) is not None
    kid = await world.tokens.rotate(at_once=True)
    assert world.tokens.read(token.text) is None
    assert [key["kid"] for key in world.tokens.public_keys()] == [kid]


async def test_no_private_key_is_published(world: World) -> None:
    [key] = world.tokens.public_keys()
    assert set(key) == {"kty", "crv", "x", "kid", "alg", "use"}


async def test_the_keys_outlive_the_process(world: World) -> None:
    token = world.tokens.sign(account=7, scopes=SCOPES, key_id="WXKEY")
    again = AccessTokens(store=world.store, clock=world.clock, draw_bytes=drawn(), public_url=URL)
    await again.prepare()
    claim = again.read(token.text)
    assert claim is not None
    assert claim.key_id == "WXKEY"
