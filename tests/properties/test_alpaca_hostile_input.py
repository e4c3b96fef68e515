"""Whatever a client sends, it gets an answer: nothing raises."""

import json
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.alpaca.data.paging import place_of, token_of
from waiver_exchange.gateway.alpaca.data.timeframes import bucket_of, parse_timeframe
from waiver_exchange.gateway.alpaca.streams.data_protocol import DataProtocol
from waiver_exchange.gateway.alpaca.streams.trading_protocol import TradingProtocol
from waiver_exchange.gateway.alpaca.times import TIME_NS_MAX, parse_time

NEW_YORK = ZoneInfo("America/New_York")

_ACTIONS = ("auth", "authenticate", "subscribe", "unsubscribe", "listen")
_KEYS = ("action", "data", "streams", "key", "secret", "key_id", "secret_key", "trades", "orderbooks")
_WORDS = st.sampled_from((*_ACTIONS, *_KEYS, "trade_updates", "MAHOMES", "MAHOMES/USD", "*", "good"))
_SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text() | _WORDS
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(_WORDS | st.text(), inner, max_size=5),
    max_leaves=20,
)
_REQUESTS = st.dictionaries(_WORDS | st.text(max_size=8), _VALUES, max_size=6).map(
    lambda request: {"action": request.pop("action", "subscribe")} | request
)


def _encoded(value: object) -> st.SearchStrategy[str | bytes]:
    return st.sampled_from([json.dumps(value), json.dumps(value).encode(), msgspec.msgpack.encode(value)])


_FRAMES = st.binary(max_size=200) | st.text(max_size=200) | (_REQUESTS | _VALUES).flatmap(_encoded)


def _account_of(key: str, secret: str) -> int:
    if (key, secret) != ("good", "good"):
        raise RefusedError(RefusalReason.credentials_are_wrong)
    return 7


def _log_in(key: str, secret: str) -> None:
    _account_of(key, secret)


@given(frames=st.lists(_FRAMES, max_size=8), is_msgpack=st.booleans(), is_known=st.booleans())
def test_market_data_stream_answers_everything(
    frames: list[str | bytes],
    is_msgpack: bool,  # noqa: FBT001
    is_known: bool,  # noqa: FBT001
) -> None:
    protocol = DataProtocol(authenticate=_log_in, is_msgpack=is_msgpack, is_pair_allowed=True)
    if is_known:
        protocol.log_in("good", "good")
    places: set[tuple[str, str]] = set()
    for frame in frames:
        reply = protocol.receive(frame)
        assert reply.message["T"] in {"success", "error", "subscription"}
        assert protocol.encode(reply.message)
        assert places.isdisjoint(reply.added)
        places = places.union(reply.added).difference(reply.removed)
        assert places == set(protocol.subscriptions.places)
    assert protocol.is_authenticated or not places


@given(frames=st.lists(_FRAMES, max_size=8), is_msgpack=st.booleans())
def test_trading_stream_answers_everything(frames: list[str | bytes], is_msgpack: bool) -> None:  # noqa: FBT001
    protocol = TradingProtocol(authenticate=_account_of, is_msgpack=is_msgpack)
    for frame in frames:
        assert protocol.receive(frame)["stream"] in {"authorization", "listening", "error"}
    assert protocol.listens_to in {None, 7}


@given(text=st.text(max_size=60) | st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:.Z+\- ]*)?", fullmatch=True))
def test_a_time_is_one_or_none(text: str) -> None:
    for is_end in (False, True):
        moment = parse_time(text, zone=NEW_YORK, is_end=is_end)
        assert moment is None or 0 <= moment <= TIME_NS_MAX


@given(text=st.text(max_size=12) | st.from_regex(r"[0-9]{1,2}(Min|T|Hour|H|Day|D|Week|W|Month|M)", fullmatch=True))
def test_a_timeframe_is_one_or_none(text: str) -> None:
    parse_timeframe(text)


@given(
    timeframe=st.sampled_from(["1Min", "7Min", "59Min", "1Hour", "23Hour", "1Day", "1Week", "1Month", "12Month"]),
    time_ns=st.integers(0, TIME_NS_MAX),
    zone=st.sampled_from(["America/New_York", "UTC", "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo"]),
)
def test_every_time_is_in_its_bucket_and_buckets_join(timeframe: str, time_ns: int, zone: str) -> None:
    parsed = parse_timeframe(timeframe)
    assert parsed is not None
    bucket = bucket_of(time_ns, parsed, zone=ZoneInfo(zone))
    assert bucket.start_ns <= time_ns < bucket.end_ns
    assert bucket_of(bucket.end_ns, parsed, zone=ZoneInfo(zone)).start_ns == bucket.end_ns
    assert bucket_of(bucket.start_ns, parsed, zone=ZoneInfo(zone)) == bucket


@given(token=st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: raw.hex()))
def test_a_token_is_a_place_or_none(token: str) -> None:
    place = place_of(token)
    assert place is None or place_of(token_of(place)) == place
