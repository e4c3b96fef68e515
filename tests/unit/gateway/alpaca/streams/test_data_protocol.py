"""Every control message and error code of the market data streams."""

from typing import Any

import msgspec
import pytest

from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.alpaca.streams import subscriptions
from waiver_exchange.gateway.alpaca.streams.data_protocol import CONNECTED, DataProtocol, StreamError, failure, success

LOGIN = {"action": "auth", "key": "k", "secret": "s"}
EMPTY: dict[str, list[str]] = {channel: [] for channel in (*subscriptions.CHANNELS, "corrections", "cancelErrors")}


def _authenticate(key: str, secret: str) -> None:
    if (key, secret) != ("k", "s"):
        raise RefusedError(RefusalReason.credentials_are_wrong)


def _protocol(*, is_msgpack: bool = False, is_pair_allowed: bool = False) -> DataProtocol:
    return DataProtocol(authenticate=_authenticate, is_msgpack=is_msgpack, is_pair_allowed=is_pair_allowed)


def _logged_in(*, is_pair_allowed: bool = False) -> DataProtocol:
    protocol = _protocol(is_pair_allowed=is_pair_allowed)
    assert _say(protocol, **LOGIN) == {"T": "success", "msg": "authenticated"}
    return protocol


def _say(protocol: DataProtocol, **request: object) -> dict[str, Any]:
    return protocol.receive(msgspec.json.encode(request).decode()).message


def _error(code: int, text: str) -> dict[str, object]:
    return {"T": "error", "code": code, "msg": text}


def test_the_greeting_is_an_array_of_one_in_either_codec() -> None:
    assert _protocol().encode(success(CONNECTED)) == b'[{"T":"success","msg":"connected"}]'
    packed = _protocol(is_msgpack=True).encode(success(CONNECTED))
    assert msgspec.msgpack.decode(packed) == [{"T": "success", "msg": "connected"}]


@pytest.mark.parametrize(
    ("key", "secret"), [("k", "x"), ("x", "s"), ("", ""), (None, None), (1, 2), ("k", ["s"]), ("\ud800", "s")]
)
def test_a_wrong_key_is_told_and_may_be_mended(key: object, secret: object) -> None:
    protocol = _protocol(is_msgpack=True)
    request = {"action": "auth", "key": key if key != "\ud800" else "x", "secret": secret}
    assert protocol.receive(msgspec.msgpack.encode(request)).message == _error(402, "auth failed")
    assert not protocol.is_authenticated
    assert _say(protocol, **LOGIN)["T"] == "success"


def test_a_second_login_is_refused() -> None:
    assert _say(_logged_in(), **LOGIN) == _error(403, "already authenticated")


@pytest.mark.parametrize("action", ["subscribe", "unsubscribe"])
def test_nothing_is_had_before_login(action: str) -> None:
    assert _say(_protocol(), action=action, trades=["*"]) == _error(401, "not authenticated")


def test_subscriptions_add_up_and_are_told_whole() -> None:
    protocol = _logged_in()
    told = _say(protocol, action="subscribe", trades=["MAHOMES", "J.ALLEN"], quotes=["*"])
    assert told == EMPTY | {
        "T": "subscription",
        "trades": ["MAHOMES", "J.ALLEN"],
        "corrections": ["MAHOMES", "J.ALLEN"],
        "cancelErrors": ["MAHOMES", "J.ALLEN"],
        "quotes": ["*"],
    }
    told = _say(protocol, action="subscribe", trades=["MAHOMES"], dailyBars=["MAHOMES"], unknown=["X"])
    assert (told["trades"], told["dailyBars"]) == (["MAHOMES", "J.ALLEN"], ["MAHOMES"])
    told = _say(protocol, action="unsubscribe", trades=["MAHOMES", "NEVER"], quotes=["*"])
    assert (told["trades"], told["quotes"], told["dailyBars"]) == (["J.ALLEN"], [], ["MAHOMES"])


def test_only_changes_reach_the_hub() -> None:
    protocol = _logged_in()
    request = msgspec.json.encode({"action": "subscribe", "trades": ["A", "A", "*"], "bars": ["A"]})
    assert protocol.receive(request).added == [("trades", "A"), ("trades", "*"), ("bars", "A")]
    assert protocol.receive(request).added == []
    request = msgspec.json.encode({"action": "unsubscribe", "trades": ["A", "B"]})
    assert protocol.receive(request).removed == [("trades", "A")]
    assert protocol.subscriptions.places == [("trades", "*"), ("bars", "A")]


@pytest.mark.parametrize(
    "trades", ["MAHOMES", 7, {"a": 1}, [7], [None], ["mahomes"], ["A/USD"], [""], ["A B"], [["A"]]]
)
def test_what_is_no_list_of_symbols_changes_nothing(trades: object) -> None:
    protocol = _logged_in()
    for action in ("subscribe", "unsubscribe"):
        assert _say(protocol, action=action, bars=["OK"], trades=trades) == _error(400, "invalid syntax")
    assert protocol.subscriptions.places == []


def test_pairs_are_names_where_clients_expect_crypto() -> None:
    told = _say(_logged_in(is_pair_allowed=True), action="subscribe", orderbooks=["MAHOMES/USD", "MAHOMES"])
    assert told["orderbooks"] == ["MAHOMES/USD", "MAHOMES"]


def test_the_number_of_names_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "NAMES_MAX", 3)
    protocol = _logged_in()
    assert _say(protocol, action="subscribe", trades=["A", "B"])["T"] == "subscription"
    assert _say(protocol, action="subscribe", bars=["A", "B"]) == _error(405, "symbol limit exceeded")
    assert _say(protocol, action="subscribe", bars=["A"], trades=["A"])["bars"] == ["A"]


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "x",
        "[]",
        "null",
        "7",
        '"auth"',
        "{",
        '{"action":7}',
        '{"action":"dance"}',
        "{}",
        "[" * 100_000,
        '{"action":"auth","key":"\\ud800"',
        b"",
        b"\xff\xff",
        b"\xc1",
        b"\x91" * 100_000,
        b"\x81\xa6action\xa1\xff",
    ],
)
@pytest.mark.parametrize("is_msgpack", [False, True])
def test_whatever_is_no_request_is_invalid_syntax(frame: str | bytes, is_msgpack: bool) -> None:  # noqa: FBT001
    assert _protocol(is_msgpack=is_msgpack).receive(frame).message == _error(400, "invalid syntax")


def test_every_error_has_its_number_and_text() -> None:
    assert [(error.value, failure(error)["msg"]) for error in StreamError] == [
        (400, "invalid syntax"),
        (401, "not authenticated"),
        (402, "auth failed"),
        (403, "already authenticated"),
        (404, "auth timeout"),
        (405, "symbol limit exceeded"),
        (406, "connection limit exceeded"),
        (407, "slow client"),
        (429, "too many requests"),
        (500, "internal error"),
    ]
