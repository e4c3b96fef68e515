"""The exchange from outside: a typed client over REST and WebSocket, synchronous and for asyncio.

Invariants: no float ever stands for money, a price or a quantity; a request is sent again only where doing it twice is
doing it once; every queue is bounded. Knows nothing of the server: imports nothing else of this package.
"""

from waiver_exchange.client.async_client import AsyncClient
from waiver_exchange.client.async_transport import AsyncPages
from waiver_exchange.client.call import Page
from waiver_exchange.client.client import Client
from waiver_exchange.client.errors import ApiError, ClientError, FellBehindError, NoAnswerError, UnexpectedAnswerError
from waiver_exchange.client.models.events import AccountUpdate, OrderEvent, OrderUpdate, Resynced
from waiver_exchange.client.refusal_codes import RefusalCode
from waiver_exchange.client.retry import RetryPolicy
from waiver_exchange.client.streaming.async_stream import AsyncStream
from waiver_exchange.client.streaming.book import AsyncBook
from waiver_exchange.client.streaming.stream import Book, Stream, Subscription
from waiver_exchange.client.streaming.subscription import AsyncSubscription
from waiver_exchange.client.timestamps import Timestamp
from waiver_exchange.client.transport import Pages

__all__ = [
    "AccountUpdate",
    "ApiError",
    "AsyncBook",
    "AsyncClient",
    "AsyncPages",
    "AsyncStream",
    "AsyncSubscription",
    "Book",
    "Client",
    "ClientError",
    "FellBehindError",
    "NoAnswerError",
    "OrderEvent",
    "OrderUpdate",
    "Page",
    "Pages",
    "RefusalCode",
    "Resynced",
    "RetryPolicy",
    "Stream",
    "Subscription",
    "Timestamp",
    "UnexpectedAnswerError",
]
