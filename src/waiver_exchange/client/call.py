"""One request as a value: what is asked, how its answer reads, and whether it may be sent twice."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Generic, Literal, TypeVar
from urllib.parse import quote

import msgspec

from waiver_exchange.client.wire import query_text

T = TypeVar("T")

PAGE_ITEMS_MAX: Final = 500
Method = Literal["GET", "POST", "PATCH", "DELETE"]


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """Some items, and the cursor that asks for those behind them; None at the end."""

    items: list[T]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[T]):
    """A request whose answer is a `T`."""

    method: Method
    path: str
    kind: type[T]
    query: Mapping[str, object] = field(default_factory=dict)
    body: Mapping[str, object] | None = None
    is_repeatable: bool = True

    @property
    def parameters(self) -> dict[str, str]:
        """The query as text."""
        return query_text(self.query)

    def at(self, *, cursor: str | None, limit: int) -> "Call[T]":
        """Return the call for one page."""
        return replace(self, query={**self.query, "cursor": cursor, "limit": limit})


def get(path: str, kind: type[T], **query: object) -> Call[T]:
    """Return a call that only looks."""
    return Call(method="GET", path=path, kind=kind, query=query)


def delete(path: str, kind: type[T], **query: object) -> Call[T]:
    """Return a call that removes; once it is removed, again removes nothing."""
    return Call(method="DELETE", path=path, kind=kind, query=query)


def segment(text: str) -> str:
    """Return a text as one part of a path, whatever is in it."""
    return quote(text, safe="")


def new_client_order_id() -> str:
    """Return a name that no order has had: with it an order can be sent twice and is placed once."""
    return secrets.token_hex(16)
