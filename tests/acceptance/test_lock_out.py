"""Whoever guesses at somebody's credentials is slowed down, and never locks out the one whose they are."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from joserfc.jws import JWSRegistry

from tests.support.auditing import recorded_events
from tests.support.authenticator import SoftwareAuthenticator
from tests.support.sockets import SocketClient
from tests.support.two_traders import Headers, Trader, World, running_world
from waiver_exchange.config import RequestLimits

LIMITS = RequestLimits(failed_authentications_per_minute=5, sign_ins_per_minute=3)
# httpx' own transport calls every client by this address.
SAME_ADDRESS = "127.0.0.1"
ACCOUNT = "/api/v1/account"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with running_world(tmp_path, limits=LIMITS) as world:
        yield world


@pytest.fixture
async def victim(world: World) -> Trader:
    return await world.add("victim")


def count_signatures(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What is checked from now on."""
    checked: list[object] = []
    algorithm = type(JWSRegistry.algorithms["EdDSA"])
    verify = algorithm.verify

    def count(*arguments: Any) -> bool:  # noqa: ANN401 - of a library
        checked.append(arguments)
        return bool(verify(*arguments))

    monkeypatch.setattr(algorithm, "verify", count)
    return checked


def wrong_credentials(victim: Trader) -> dict[str, tuple[str, Headers]]:
    key = victim.key.api_key
    header, claims, _ = victim.token.split(".")
    basic = base64.b64encode(f"{key}:wrong".encode()).decode()
    return {
        "key": (ACCOUNT, {"X-API-Key": key, "X-API-Secret": "wrong"}),
        "token of the right form": (ACCOUNT, {"Authorization": f"Bearer {header}.{claims}.{'A' * 86}"}),
        "garbage": (ACCOUNT, {"Authorization": "Bearer garbage"}),
        "Alpaca's headers": ("/v2/account", {"APCA-API-KEY-ID": key, "APCA-API-SECRET-KEY": "wrong"}),
        "HTTP Basic": ("/v2/account", {"Authorization": f"Basic {basic}"}),
    }


async def check_that_all_open(world: World, victim: Trader) -> None:
    for path, headers in (
        (ACCOUNT, victim.by_key),
        (ACCOUNT, victim.by_session),
        (ACCOUNT, {"Authorization": f"Bearer {victim.token}"}),
        ("/v2/account", victim.as_alpaca),
    ):
        answer = await world.ask("GET", path, headers)
        assert answer.status_code == 200, answer.text
    client = SocketClient(world.gateway.sockets, address=SAME_ADDRESS)
    client.ask("auth", api_key=victim.key.api_key, api_secret=victim.key.api_secret)
    assert "result" in client.answer()


async def test_wrong_credentials_are_slowed_down_and_right_ones_never(world: World, victim: Trader) -> None:
    for path, headers in wrong_credentials(victim).values():
        answers = [await world.ask("GET", path, headers) for _ in range(8)]
        assert {answer.status_code for answer in answers} <= {401, 429}
        # Once there were too many, the same address is told so, whichever credential it tries.
        assert answers[-1].status_code == 429
        assert int(answers[-1].headers["retry-after"]) >= 1
        await check_that_all_open(world, victim)


async def test_wrong_secrets_over_websocket_lock_nobody_out(world: World, victim: Trader) -> None:
    attacker = SocketClient(world.gateway.sockets, address=SAME_ADDRESS)
    codes = []
    for _ in range(8):
        attacker.ask("auth", api_key=victim.key.api_key, api_secret="wrong")  # noqa: S106 - it is wrong
        codes.append(attacker.answer()["error"]["code"])
    assert codes == ["credentials_are_wrong"] * 5 + ["request_rate_is_too_high"] * 3
    await check_that_all_open(world, victim)


async def test_guessed_refresh_tokens_do_not_end_a_session(world: World, victim: Trader) -> None:
    session_id = victim.session.session.session_id
    for number in range(8):
        guessed = {"refresh_token": f"{session_id}.{number:043d}"}
        answer = await world.ask("POST", "/auth/tokens", {}, json=guessed)
        assert answer.status_code == (401 if number < 5 else 429), answer.text
    right = await world.ask("POST", "/auth/tokens", {}, json={"refresh_token": victim.session.refresh_token})
    assert right.status_code == 200, right.text
    await check_that_all_open(world, victim)


async def test_forged_tokens_cost_few_signatures_and_lock_nobody_out(
    world: World, victim: Trader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody behind the same address knows the victim's key id and account, and all that is public."""
    other = await world.add("other")
    elsewhere = world.exchange.tokens.sign(
        account=victim.account, scopes=frozenset({"read"}), session_id=victim.session.session.session_id
    ).text
    checked = count_signatures(monkeypatch)
    forged = [f"{victim.token.rpartition('.')[0]}.{number:085d}A" for number in range(100)]
    answers = [await world.ask("GET", ACCOUNT, {"Authorization": f"Bearer {each}"}) for each in forged]
    assert {answer.status_code for answer in answers} <= {401, 429}
    assert 1 <= len(checked) < 40  # ten, and ten more each second that it takes
    checked.clear()
    for trader in (victim, other):
        await check_that_all_open(world, trader)
    assert not checked, "what was given here is known without looking at its signature"
    # Nor are tokens held up that are unknown here, as after a restart: whoever forges them knows no session's id.
    world.exchange.tokens._read.clear()
    for right in (elsewhere, victim.session.access.text, other.token):
        answer = await world.ask("GET", ACCOUNT, {"Authorization": f"Bearer {right}"})
        assert answer.status_code == 200, answer.text
    assert len(checked) == 3
    # With his key the victim gets a new token, however many are forged.
    new = await world.ask("POST", "/api/v1/tokens", victim.by_key)
    answer = await world.ask("GET", ACCOUNT, {"Authorization": f"Bearer {new.json()['token']}"})
    assert answer.status_code == 200, answer.text


async def test_forged_cookies_cost_few_signatures_and_sign_nobody_out(
    world: World, victim: Trader, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = count_signatures(monkeypatch)
    text = victim.token.rpartition(".")[0]
    for number in range(100):
        cookie = {"Cookie": f"__Host-waiver_access={text}.{number:085d}A"}
        answer = await world.ask("GET", ACCOUNT, cookie)
        assert answer.status_code in {401, 429}
        world.connect(headers={**cookie, "Origin": world.exchange.sign_in.public_url})
    assert 1 <= len(checked) < 40
    cookie = {"Cookie": f"__Host-waiver_access={victim.session.access.text}"}
    assert (await world.ask("GET", ACCOUNT, cookie)).status_code == 200
    await check_that_all_open(world, victim)


async def test_wrong_passkeys_hold_up_nobody_who_shows_the_right_one(world: World, victim: Trader) -> None:
    """Somebody behind the same address, signed in himself, shows the victim's passkey as far as he knows it."""
    attacker, device = await world.add("attacker"), SoftwareAuthenticator(world.exchange.sign_in.public_url)
    options = await world.ask("POST", "/auth/passkeys/options", victim.by_session)
    assert options.status_code == 200, options.text
    body = {"credential": device.create(options.json()), "name": "Laptop"}
    assert (await world.ask("POST", "/auth/passkeys", victim.by_session, json=body)).status_code == 200
    given = await world.ask("POST", "/auth/passkeys/step-up/options", victim.by_session)
    shown = {"credential": device.get(given.json())}
    codes = [
        (await world.ask("POST", "/auth/passkeys/step-up", attacker.by_session, json=shown)).status_code
        for _ in range(8)
    ]
    assert 200 not in codes
    assert codes[-1] == 429
    # The victim's challenge is still his own to answer, and nobody counts his right answer.
    right = await world.ask("POST", "/auth/passkeys/step-up", victim.by_session, json=shown)
    assert right.status_code == 200, right.text
    await check_that_all_open(world, victim)


async def test_sign_ins_of_an_address_are_bounded_and_hold_up_nobody_who_is_in(world: World, victim: Trader) -> None:
    codes = [(await world.ask("POST", "/auth/sign-in/nobody", {}, json={})).status_code for _ in range(5)]
    assert codes == [404, 404, 404, 429, 429]
    assert await recorded_events(world.exchange, "sign_in_throttled") == [{"count": 1, "actor": 0}]
    await check_that_all_open(world, victim)
    other = await world.ask("POST", "/auth/tokens", {}, json={"refresh_token": victim.session.refresh_token})
    assert other.status_code == 200, other.text


async def test_what_is_no_token_of_ours_costs_no_signature(
    world: World, victim: Trader, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = count_signatures(monkeypatch)
    header, claims, _ = victim.token.split(".")
    foreign = base64.urlsafe_b64encode(b'{"alg":"EdDSA","typ":"at+jwt","kid":"nobody"}').decode().rstrip("=")
    nobody = world.exchange.tokens.sign(account=victim.account, scopes=frozenset(), session_id="nobody's").text
    texts = [
        f"{nobody.rpartition('.')[0]}.{'A' * 86}",
        "garbage",
        "a.b.c",
        "x" * 5_000,
        "." * 50,
        f"eyJhbGciOiJub25lIn0.{claims}.",
        f"{foreign}.{claims}.{'A' * 86}",
    ]
    for text in texts:
        answer = await world.ask("GET", ACCOUNT, {"Authorization": f"Bearer {text}"})
        assert answer.status_code in {401, 429}
    assert not checked
    await world.ask("GET", ACCOUNT, {"Authorization": f"Bearer {header}.{claims}.{'A' * 86}"})
    assert len(checked) == 1
