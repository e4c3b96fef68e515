"""Answers of market data, encoded piece by piece: a full page must not keep other connections waiting."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeVar

from litestar import Response

from waiver_exchange.gateway.alpaca.codec import encode_json
from waiver_exchange.gateway.alpaca.data.paging import Page
from waiver_exchange.gateway.rest.answers import JSON

Item = TypeVar("Item")

_PIECE: Final = 200


def data_answer(body: object) -> Response[bytes]:
    """Return an answer with exact numbers."""
    return Response(encode_json(body), media_type=JSON, status_code=200)


def itself(body: Item) -> Item:
    """Return what is a body already."""
    return body


async def page_answer(key: str, page: Page[Item], *, body_of: Callable[[Item], object]) -> Response[bytes]:
    """Return a page of several symbols, by symbol."""
    parts = [encode_json(name) + b":" + await _array(items, body_of=body_of) for name, items in page.items.items()]
    fields = {key: b"{" + b",".join(parts) + b"}"}
    return _object_answer(fields | {"next_page_token": encode_json(page.next_page_token)})


async def large_bodies_answer(key: str, bodies: Iterable[tuple[str, object]]) -> Response[bytes]:
    """Return bodies by name, each made and encoded in a turn of its own."""
    parts: list[bytes] = []
    for name, body in bodies:
        parts.append(encode_json(name) + b":" + encode_json(body))
        await asyncio.sleep(0)
    return _object_answer({key: b"{" + b",".join(parts) + b"}"})


async def symbol_page_answer(
    key: str, page: Page[Item], *, name: str, body_of: Callable[[Item], object]
) -> Response[bytes]:
    """Return a page of one symbol."""
    items = await _array(page.items.get(name, ()), body_of=body_of)
    fields = {key: items, "symbol": encode_json(name)}
    return _object_answer(fields | {"next_page_token": encode_json(page.next_page_token)})


async def _array(items: Sequence[Item], *, body_of: Callable[[Item], object]) -> bytes:
    pieces: list[bytes] = []
    for start in range(0, len(items), _PIECE):
        if start:
            await asyncio.sleep(0)
        pieces.append(encode_json([body_of(item) for item in items[start : start + _PIECE]])[1:-1])
    return b"[" + b",".join(pieces) + b"]"


def _object_answer(fields: Mapping[str, bytes]) -> Response[bytes]:
    content = b",".join(encode_json(name) + b":" + value for name, value in fields.items())
    return Response(b"{" + content + b"}", media_type=JSON, status_code=200)
