"""Keys, scopes and tokens, by a clock that stands still until it is moved."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from waiver_exchange.application.access import (
    Caller,
    authenticate,
    authenticate_token,
    is_current,
    issue_token,
    require,
)
from waiver_exchange.application.access_tokens import TOKEN_SECONDS
from waiver_exchange.application.accounts import create_account
from waiver_exchange.application.api_keys import NewKey, create_key, list_keys, rename_key, revoke_key
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.bootstrap import running_exchange
from waiver_exchange.config import Settings
from waiver_exchange.domain.refusals import RefusalReason

R = RefusalReason


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def exchange(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Exchange]:
    async with running_exchange(Settings(data_dir=tmp_path), clock=clock) as exchange:
        yield exchange


@pytest.fixture
async def ann(exchange: Exchange) -> NewKey:
    return await create_account(exchange, name="Ann")


def caller_of(exchange: Exchange, key: NewKey) -> Caller:
    return authenticate(exchange, api_key=key.api_key, api_secret=key.api_secret)


async def refused(action: object) -> RefusalReason:
    with pytest.raises(RefusedError) as error:
        await action  # type: ignore[misc]  # always a coroutine here
    return error.value.reason


def test_a_scope_that_a_key_lacks_is_named() -> None:
    reader = Caller(account=2, key_id="WX", scopes=frozenset({"read"}))
    require(reader, "read")
    with pytest.raises(RefusedError) as refused:
        require(reader, "trade")
    assert (refused.value.reason, refused.value.details) == (R.scope_is_missing, {"scope": "trade"})


async def test_the_first_key_may_do_everything(exchange: Exchange, ann: NewKey) -> None:
    assert caller_of(exchange, ann) == Caller(ann.account, ann.api_key, frozenset({"read", "trade", "admin"}))


async def test_a_use_is_remembered(exchange: Exchange, clock: FakeClock, ann: NewKey) -> None:
    assert list_keys(exchange, account=ann.account)[0].last_used_at_ns == 0
    clock.advance(5)
    caller_of(exchange, ann)
    assert list_keys(exchange, account=ann.account)[0].last_used_at_ns == clock.now


async def test_nobody_gives_away_more_than_he_has(exchange: Exchange, ann: NewKey) -> None:
    may = frozenset({"read", "admin"})
    create = create_key(exchange, account=ann.account, scopes=["read", "trade"], may=may)
    assert await refused(create) is R.scope_is_missing
    new = await create_key(exchange, account=ann.account, name="reader", scopes=["read"], may=may)
    assert caller_of(exchange, new).scopes == {"read"}
    assert await refused(create_key(exchange, account=ann.account, scopes=["fly"])) is R.field_is_invalid
    assert await refused(create_key(exchange, account=ann.account, scopes=[])) is R.field_is_invalid
    assert await refused(create_key(exchange, account=ann.account, name="x" * 65)) is R.field_is_invalid


async def test_a_revoked_key_ends_with_its_tokens(exchange: Exchange, ann: NewKey) -> None:
    token = issue_token(exchange, caller_of(exchange, ann))
    by_token, by_key = authenticate_token(exchange, token=token.text), caller_of(exchange, ann)
    assert by_token == by_key._replace(expires_at_ns=token.expires_at_ns)
    assert is_current(exchange, by_token)
    assert is_current(exchange, by_key)
    await revoke_key(exchange, account=ann.account, key_id=ann.api_key)
    with pytest.raises(RefusedError, match="credentials_are_wrong"):
        caller_of(exchange, ann)
    with pytest.raises(RefusedError, match="token_is_wrong"):
        authenticate_token(exchange, token=token.text)
    assert not is_current(exchange, by_token)
    assert not is_current(exchange, by_key)
    again = await revoke_key(exchange, account=ann.account, key_id=ann.api_key)
    assert again.revoked_at_ns > 0


async def test_the_keys_of_others_cannot_be_touched(exchange: Exchange, ann: NewKey) -> None:
    bob = await create_account(exchange, name="Bob")
    assert await refused(revoke_key(exchange, account=bob.account, key_id=ann.api_key)) is R.key_not_found
    rename = rename_key(exchange, account=bob.account, key_id=ann.api_key, name="mine", actor=bob.account)
    assert await refused(rename) is R.key_not_found
    renamed = await rename_key(exchange, account=ann.account, key_id=ann.api_key, name="mine", actor=ann.account)
    assert renamed.name == "mine"


async def test_a_token_is_good_for_an_hour(exchange: Exchange, clock: FakeClock, ann: NewKey) -> None:
    token = issue_token(exchange, caller_of(exchange, ann))
    assert token.expires_at_ns == clock.now + TOKEN_SECONDS * 10**9
    clock.now = token.expires_at_ns - 1
    caller = authenticate_token(exchange, token=token.text)
    assert is_current(exchange, caller)
    clock.now += 1
    assert not is_current(exchange, caller)
    with pytest.raises(RefusedError, match="token_is_wrong"):
        authenticate_token(exchange, token=token.text)


async def test_a_token_that_was_changed_is_wrong(exchange: Exchange, ann: NewKey) -> None:
    text = issue_token(exchange, caller_of(exchange, ann)).text
    header, claims, proof = text.split(".")
    changed = [f"{header}.{claims}", f"{header}.{claims}.", f".{claims}.{proof}", f"{header}.{claims}A.{proof}"]
    changed += [f"{header}.{claims}.{proof[:-2]}", f"{header}.{claims}.!{proof}"]
    for wrong in [*changed, f"{text}.", "", ".", "..", "\u00e9", "x" * 10_000, text.swapcase()]:
        with pytest.raises(RefusedError, match="token_is_wrong"):
            authenticate_token(exchange, token=wrong)


async def test_a_token_makes_no_longer_one_of_itself(exchange: Exchange, clock: FakeClock, ann: NewKey) -> None:
    first = issue_token(exchange, caller_of(exchange, ann))
    clock.advance(1_800)
    second = issue_token(exchange, authenticate_token(exchange, token=first.text))
    assert second.expires_at_ns == first.expires_at_ns


async def test_a_token_outlives_the_process(tmp_path: Path, clock: FakeClock) -> None:
    settings = Settings(data_dir=tmp_path)
    async with running_exchange(settings, clock=clock) as exchange:
        ann = await create_account(exchange, name="Ann")
        token = issue_token(exchange, caller_of(exchange, ann))
    async with running_exchange(settings, clock=clock) as exchange:
        assert authenticate_token(exchange, token=token.text).account == ann.account
