"""Logging in to the trading stream and listening to it."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.alpaca.streams.trading_protocol import TradingProtocol

ACCOUNTS = {("k", "s"): 7, ("other", "s"): 8}
LOGIN = {"action": "authenticate", "data": {"key_id": "k", "secret_key": "s"}}
LISTEN = {"action": "listen", "data": {"streams": ["trade_updates"]}}


def _authenticate(key: str, secret: str) -> int:
    account = ACCOUNTS.get((key, secret))
    if account is None:
        raise RefusedError(RefusalReason.credentials_are_wrong)
    return account


def _protocol(*, is_msgpack: bool = False) -> TradingProtocol:
    return TradingProtocol(authenticate=_authenticate, is_msgpack=is_msgpack)


def _say(protocol: TradingProtocol, request: Mapping[str, object]) -> dict[str, Any]:
    return protocol.receive(msgspec.json.encode(request))


def _authorization(action: str, status: str) -> dict[str, object]:
    return {"stream": "authorization", "data": {"action": action, "status": status}}


@pytest.mark.parametrize("login", [LOGIN, {"action": "auth", "key": "k", "secret": "s"}])
def test_a_client_logs_in_and_listens(login: Mapping[str, object]) -> None:
    protocol = _protocol()
    assert _say(protocol, login) == _authorization("authenticate", "authorized")
    assert protocol.listens_to is None
    assert _say(protocol, LISTEN) == {"stream": "listening", "data": {"streams": ["trade_updates"]}}
    assert protocol.listens_to == 7


def test_a_list_takes_the_place_of_the_one_before() -> None:
    protocol = _protocol()
    _say(protocol, LOGIN)
    _say(protocol, LISTEN)
    told = _say(protocol, {"action": "listen", "data": {"streams": ["account_updates"]}})
    assert told == {"stream": "listening", "data": {"streams": []}}
    assert protocol.listens_to is None


def test_nobody_unknown_listens() -> None:
    protocol = _protocol()
    assert _say(protocol, LISTEN) == _authorization("listen", "unauthorized")
    assert protocol.listens_to is None


@pytest.mark.parametrize(
    "login",
    [
        {"action": "authenticate", "data": {"key_id": "k", "secret_key": "x"}},
        {"action": "authenticate", "data": {"key_id": 1, "secret_key": None}},
        {"action": "authenticate", "data": []},
        {"action": "authenticate"},
        {"action": "auth"},
    ],
)
def test_a_wrong_key_is_told(login: Mapping[str, object]) -> None:
    protocol = _protocol()
    assert _say(protocol, login) == _authorization("authenticate", "unauthorized")
    assert not protocol.is_authenticated


def test_a_connection_never_changes_its_account() -> None:
    protocol = _protocol()
    _say(protocol, LOGIN)
    _say(protocol, LISTEN)
    other = {"action": "authenticate", "data": {"key_id": "other", "secret_key": "s"}}
    assert _say(protocol, other) == _authorization("authenticate", "unauthorized")
    assert _say(protocol, LOGIN) == _authorization("authenticate", "authorized")
    assert protocol.listens_to == 7


@pytest.mark.parametrize("frame", ["", "x", "[]", "{}", '{"action":"dance"}', b"\xff", "[" * 100_000])
@pytest.mark.parametrize("is_msgpack", [False, True])
def test_whatever_is_no_request_is_invalid_syntax(frame: str | bytes, is_msgpack: bool) -> None:  # noqa: FBT001
    told: Any = _protocol(is_msgpack=is_msgpack).receive(frame)
    assert (told["stream"], told["data"]["message"]) == ("error", "invalid syntax")


@pytest.mark.parametrize("streams", [None, "trade_updates", {"a": 1}, ["x"] * 101])
def test_what_is_no_list_of_streams_changes_nothing(streams: object) -> None:
    protocol = _protocol()
    _say(protocol, LOGIN)
    _say(protocol, LISTEN)
    assert _say(protocol, {"action": "listen", "data": {"streams": streams}})["stream"] == "error"
    assert protocol.listens_to == 7


def test_either_codec_is_understood_where_messagepack_was_asked_for() -> None:
    protocol = _protocol(is_msgpack=True)
    assert protocol.receive(msgspec.msgpack.encode(LOGIN)) == _authorization("authenticate", "authorized")
    assert protocol.receive(msgspec.json.encode(LISTEN))["stream"] == "listening"
