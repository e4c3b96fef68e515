"""Frames: ours are what the library reads, and theirs are split wherever the network cuts them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from waiver_exchange.gateway.sockets.frames import binary_frame, split_frames, text_frame

SIZES = [0, 1, 125, 126, 127, 65_535, 65_536]


def client_frame(payload: bytes, opcode: Opcode = Opcode.TEXT, *, fin: bool = True) -> bytes:
    return Frame(opcode, payload, fin=fin).serialize(mask=True)


@pytest.mark.parametrize("size", SIZES)
def test_own_frames_are_those_of_the_library(size: int) -> None:
    payload = b"x" * size
    assert text_frame(payload) == Frame(Opcode.TEXT, payload).serialize(mask=False)
    assert binary_frame(payload) == Frame(Opcode.BINARY, payload).serialize(mask=False)


@pytest.mark.parametrize("size", SIZES)
def test_whole_text_is_unmasked(size: int) -> None:
    payload = bytes(index % 251 for index in range(size))
    split = split_frames(client_frame(payload), payload_bytes_max=65_536, frames_max=100)
    assert ([frame.text for frame in split.frames], split.rest, split.is_foreign) == ([payload], b"", False)


@given(
    st.lists(st.tuples(st.sampled_from([Opcode.TEXT, Opcode.BINARY, Opcode.PING]), st.binary(max_size=125))), st.data()
)
def test_frames_are_the_same_wherever_the_network_cuts_them(
    messages: list[tuple[Opcode, bytes]], data: st.DataObject
) -> None:
    whole = b"".join(client_frame(payload, opcode) for opcode, payload in messages)
    cut = data.draw(st.integers(min_value=0, max_value=len(whole)))
    first = split_frames(whole[:cut], payload_bytes_max=1_000, frames_max=100)
    second = split_frames(first.rest + whole[cut:], payload_bytes_max=1_000, frames_max=100)
    frames = [*first.frames, *second.frames]

    assert second.rest == b""
    assert b"".join(frame.raw for frame in frames) == whole
    assert [frame.text for frame in frames] == [
        payload if opcode is Opcode.TEXT else None for opcode, payload in messages
    ]


@pytest.mark.parametrize(
    "foreign",
    [client_frame(b"x" * 1_001), text_frame(b"not masked"), b"\x81\xff" + (1 << 62).to_bytes(8, "big")],
    ids=["too large", "not masked", "absurdly large"],
)
def test_what_breaks_the_rules_is_left_to_the_library(foreign: bytes) -> None:
    split = split_frames(client_frame(b"first") + foreign, payload_bytes_max=1_000, frames_max=100)
    assert ([frame.text for frame in split.frames], split.rest, split.is_foreign) == ([b"first"], foreign, True)


def test_no_more_frames_are_split_than_are_asked_for() -> None:
    frames = [client_frame(bytes([number])) for number in range(5)]
    split = split_frames(b"".join(frames), payload_bytes_max=1_000, frames_max=3)
    assert ([frame.raw for frame in split.frames], split.rest, split.is_more) == (
        frames[:3],
        b"".join(frames[3:]),
        True,
    )
    split = split_frames(b"".join(frames), payload_bytes_max=1_000, frames_max=5)
    assert (len(split.frames), split.rest, split.is_more) == (5, b"", False)
