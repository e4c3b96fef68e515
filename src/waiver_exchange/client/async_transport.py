"""Requests and their answers over HTTP.

For asyncio; `transport.py` is made from this file by `make client`.
"""

import asyncio
import random
import ssl
from collections.abc import AsyncIterator
from functools import cache
from typing import Any, Generic, Self, TypeVar

import httpx

from waiver_exchange.client.access import TIMEOUT_SECONDS_DEFAULT, Access
from waiver_exchange.client.call import PAGE_ITEMS_MAX, Call, Page
from waiver_exchange.client.errors import ClientError, NoAnswerError
from waiver_exchange.client.retry import RetryPolicy
from waiver_exchange.client.wire import decode, encode, refusal_of

T = TypeVar("T")
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


class AsyncTransport:
    """One account's connections to an exchange, or without a key the public's."""

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        api_secret: str | None = None,
        token: str | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS_DEFAULT,
        retry: RetryPolicy | None = None,
    ) -> None:
        """Take the address of the exchange, such as `http://127.0.0.1:8081`, and a key with its secret or a token."""
        self.access = Access(
            url=url,
            api_key=api_key,
            api_secret=api_secret,
            token=token,
            timeout_seconds=timeout_seconds,
            retry=retry or RetryPolicy(),
        )
        self._http = httpx.AsyncClient(
            base_url=self.access.rest_url,
            headers=self.access.headers,
            timeout=timeout_seconds,
            trust_env=self.access.uses_proxies,
            verify=_certificates(),
        )

    @classmethod
    def of(cls, access: Access) -> Self:
        """Return a client with the access of another."""
        return cls(
            access.url,
            api_key=access.api_key,
            api_secret=access.api_secret,
            token=access.token,
            timeout_seconds=access.timeout_seconds,
            retry=access.retry,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def send(self, call: Call[T]) -> T:
        """Send a request, again as often as is safe and the policy allows, and return its answer."""
        attempt = 0
        while True:
            attempt += 1
            try:
                return decode(await self._exchange(call), call.kind)
            except ClientError as failure:
                failure.attempts = attempt
                chance = random.random()  # noqa: S311 - spreads clients, guards nothing
                delay = self.access.retry.delay(
                    failure, attempt=attempt, is_repeatable=call.is_repeatable, chance=chance
                )
                if delay is None:
                    raise
            await asyncio.sleep(delay)

    async def stream(self, call: Call[bytes]) -> AsyncIterator[bytes]:
        """Send a request once and return its answer piece by piece; a piece is not a line."""
        try:
            async with self._http.stream(call.method, call.path, params=call.parameters) as answer:
                if not answer.is_success:
                    await answer.aread()
                    raise _refusal(answer)
                async for piece in answer.aiter_bytes():
                    yield piece
        except httpx.RequestError as error:
            raise _no_answer(call, error) from error

    async def _exchange(self, call: Call[Any]) -> bytes:
        content = None if call.body is None else encode(call.body)
        headers = None if content is None else {"Content-Type": "application/json"}
        try:
            answer = await self._http.request(
                call.method, call.path, params=call.parameters, content=content, headers=headers
            )
        except httpx.RequestError as error:
            raise _no_answer(call, error) from error
        if answer.is_success:
            return answer.content
        raise _refusal(answer)


class AsyncPages(Generic[T]):
    """A long list that is read page by page while it is gone through; `limit` ends it early."""

    def __init__(self, transport: AsyncTransport, call: Call[Page[T]], *, limit: int | None = None) -> None:
        self._transport = transport
        self._call = call
        self._limit = limit

    async def __aiter__(self) -> AsyncIterator[T]:
        left = self._limit
        cursor: str | None = None
        while left is None or left > 0:
            page = await self.page(cursor, limit=PAGE_ITEMS_MAX if left is None else min(left, PAGE_ITEMS_MAX))
            for item in page.items:
                yield item
            left = None if left is None else left - len(page.items)
            cursor = page.next_cursor
            if cursor is None:
                return

    async def page(self, cursor: str | None = None, *, limit: int = PAGE_ITEMS_MAX) -> Page[T]:
        """Return one page: the first, or that of another page's `next_cursor`."""
        return await self._transport.send(self._call.at(cursor=cursor, limit=limit))

    async def all(self) -> list[T]:
        """Return every item."""
        return [item async for item in self]


def _no_answer(call: Call[Any], error: httpx.RequestError) -> NoAnswerError:
    problem = f"{call.method} {call.path} got no answer: {type(error).__name__} {error}".rstrip()
    return NoAnswerError(problem, may_have_been_done=not isinstance(error, _NOT_SENT))


def _refusal(answer: httpx.Response) -> ClientError:
    return refusal_of(
        answer.content,
        status=answer.status_code,
        request_id=answer.headers.get("x-request-id"),
        retry_after=answer.headers.get("retry-after"),
    )


@cache
def _certificates() -> ssl.SSLContext:
    """Return what servers are checked by: slow to load, so once for all clients."""
    return httpx.create_ssl_context()
