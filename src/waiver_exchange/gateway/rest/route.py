"""What a route is: one description from which requests are read, answers are checked and the document is made."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any, Final, Literal, NamedTuple, TypeVar

import msgspec

from waiver_exchange.application.access import Caller
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rate_limits import Kind, RateLimits
from waiver_exchange.gateway.rest.body import Body
from waiver_exchange.gateway.rest.encoded_books import EncodedBooks
from waiver_exchange.gateway.rest.encoded_markets import EncodedMarkets
from waiver_exchange.gateway.rest.encoded_tickers import EncodedTickers
from waiver_exchange.gateway.rest.json_object import NOTHING_GIVEN
from waiver_exchange.gateway.rest.kept_answers import KeptAnswers
from waiver_exchange.gateway.rest.parameters import Parameter
from waiver_exchange.gateway.rest.values import Named, Values

T = TypeVar("T")

# Who may ask: everybody, any key or session, or one with this scope; `operate` also needs a fresh second factor.
Access = Literal["public", "key", "read", "trade", "admin", "audit", "operate"]
Headers = tuple[tuple[bytes, bytes], ...]

JSON: Final = "application/json"
_JSON_HEADERS: Final = ((b"content-type", JSON.encode()),)
# Public answers may be kept, but are asked for again each time: an unchanged one costs a 304.
_REVALIDATED: Final = (b"cache-control", b"no-cache")
_ETAG_BYTES: Final = 12
_encode: Final = msgspec.json.Encoder().encode


class Answer(NamedTuple):
    """What goes back; a body that is made as it is sent has no length beforehand."""

    body: bytes | AsyncIterator[bytes]
    status: int = 200
    headers: Headers = _JSON_HEADERS


class Services(NamedTuple):
    """What all handlers share."""

    exchange: Exchange
    markets: EncodedMarkets
    books: EncodedBooks
    tickers: EncodedTickers
    limits: RateLimits
    kept: KeptAnswers


class Call:
    """One request, read: who asks, the values of the parameters that its route describes, and the object it brings."""

    __slots__ = ("_caller", "_parameters", "address", "given", "has_query", "headers", "services")

    def __init__(
        self,
        *,
        services: Services,
        headers: Mapping[bytes, bytes],
        caller: Caller | None,
        parameters: Values,
        has_query: bool,
        address: str = "",
    ) -> None:
        """Keep what was read; the object comes last, as `given`."""
        self.services = services
        self.has_query = has_query
        self.headers = headers
        self.address = address
        self._caller = caller
        self._parameters = parameters
        self.given = NOTHING_GIVEN

    @property
    def exchange(self) -> Exchange:
        """The exchange that is asked."""
        return self.services.exchange

    @property
    def caller(self) -> Caller:
        """Who asks; there is always somebody where the route is not public."""
        assert self._caller is not None  # noqa: S101 - the route's access says so
        return self._caller

    @property
    def account(self) -> int:
        """The account that is asked for."""
        return self.caller.account

    def __getitem__(self, parameter: Named[T]) -> T:
        """Return the value of a parameter of the route."""
        return self._parameters[parameter]


@dataclass(frozen=True, kw_only=True)
class Route:
    """A method on a path. `answer` is the type of the body of a 200; None means that `media_type` is no JSON.

    `status` is that of success. With `ignores_unknown` others may add parameters of their own to the query.
    `unavailable` is the type of the body of a 503 that says more than an error. The handler reads the body by the same
    description that the document shows. `begins_sign_in` takes a request from our own pages
    and from programs only, and counts it among the sign-ins of its address.
    """

    method: Literal["GET", "POST", "PATCH", "DELETE"]
    path: str
    name: str
    summary: str
    tag: str
    handler: Callable[[Call], Awaitable[Answer]]
    answer: Any
    access: Access = "read"
    kind: Kind = "read"
    parameters: tuple[Parameter[Any], ...] = ()
    body: Body | None = None
    refusals: tuple[RefusalReason, ...] = ()
    may_be_unchanged: bool = False
    begins_sign_in: bool = False
    unavailable: Any = None
    media_type: str = JSON
    status: int = 200
    ignores_unknown: bool = False
    description: str = ""

    @cached_property
    def query_parameters(self) -> Mapping[str, Parameter[Any]]:
        """The parameters that follow the question mark, by name."""
        return {parameter.name: parameter for parameter in self.parameters if parameter.place == "query"}

    @cached_property
    def path_parameters(self) -> tuple[Parameter[Any], ...]:
        """The parameters of the path in its order."""
        known = {parameter.name: parameter for parameter in self.parameters if parameter.place == "path"}
        return tuple(known[part[1:-1]] for part in self.path.split("/") if part.startswith("{"))

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """What the query's parameters are when nothing is said."""
        return {name: parameter.default for name, parameter in self.query_parameters.items()}


def json_answer(body: object, *, status: int = 200) -> Answer:
    """Return an answer with the JSON of a body."""
    return Answer(_encode(body), status)


def answer_if_changed(call: Call, content: bytes) -> Answer:
    """Return encoded JSON, or 304 without it when the client has the same."""
    etag = b'"%b"' % blake2b(content, digest_size=_ETAG_BYTES).hexdigest().encode()
    headers = (*_JSON_HEADERS, (b"etag", etag), _REVALIDATED)
    known = call.headers.get(b"if-none-match", b"")
    if known and (etag in known or known.strip() == b"*"):
        return Answer(b"", 304, headers)
    return Answer(content, 200, headers)
