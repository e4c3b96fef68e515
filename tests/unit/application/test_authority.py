"""What a role leaves of what a key or session was granted."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from waiver_exchange.application.access import authenticate, is_current
from waiver_exchange.application.accounts import create_account, halt_account, resume_account
from waiver_exchange.application.api_keys import create_key
from waiver_exchange.application.authority import ADMIN, ALL_SCOPES, AUDIT, OPERATE, READ, TRADE, scopes_of
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.risk_limits import set_role
from waiver_exchange.bootstrap import running_exchange
from waiver_exchange.config import Settings
from waiver_exchange.domain import codes

EVERYTHING = frozenset(ALL_SCOPES)


@pytest.fixture
async def exchange(tmp_path: Path) -> AsyncIterator[Exchange]:
    async with running_exchange(Settings(data_dir=tmp_path)) as exchange:
        yield exchange


@pytest.mark.parametrize(
    ("role", "left"),
    [
        (codes.ROLE_TRADER, {READ, TRADE, ADMIN}),
        (codes.ROLE_SERVICE, {READ, TRADE, ADMIN}),
        (codes.ROLE_AUDITOR, {READ, ADMIN, AUDIT}),
        (codes.ROLE_OPERATOR, {READ, TRADE, ADMIN, AUDIT, OPERATE}),
    ],
)
async def test_a_role_leaves_no_more_than_its_own(exchange: Exchange, role: int, left: set[str]) -> None:
    ann = await create_account(exchange, name="Ann")
    await set_role(exchange, account=ann.account, role=role)
    assert scopes_of(exchange, ann.account, EVERYTHING) == left


async def test_a_role_gives_nothing_that_was_not_granted(exchange: Exchange) -> None:
    ann = await create_account(exchange, name="Ann")
    await set_role(exchange, account=ann.account, role=codes.ROLE_OPERATOR)
    assert scopes_of(exchange, ann.account, frozenset({READ})) == {READ}


async def test_a_frozen_operator_reaches_no_further_than_himself(exchange: Exchange) -> None:
    ann = await create_account(exchange, name="Ann")
    await set_role(exchange, account=ann.account, role=codes.ROLE_OPERATOR)
    await halt_account(exchange, account=ann.account)
    assert scopes_of(exchange, ann.account, EVERYTHING) == {READ, TRADE, ADMIN}
    await resume_account(exchange, account=ann.account)
    assert scopes_of(exchange, ann.account, EVERYTHING) == EVERYTHING


async def test_an_auditors_key_loses_its_audit_with_the_role(exchange: Exchange) -> None:
    ann = await create_account(exchange, name="Ann")
    key = await create_key(exchange, account=ann.account, scopes=[READ, AUDIT])
    await set_role(exchange, account=ann.account, role=codes.ROLE_AUDITOR)
    auditor = authenticate(exchange, api_key=key.api_key, api_secret=key.api_secret)
    assert auditor.scopes == {READ, AUDIT}
    assert is_current(exchange, auditor)
    await set_role(exchange, account=ann.account, role=codes.ROLE_TRADER)
    assert not is_current(exchange, auditor)
    assert authenticate(exchange, api_key=key.api_key, api_secret=key.api_secret).scopes == {READ}
