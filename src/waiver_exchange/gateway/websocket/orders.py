"""The methods of orders; the fields and the rules are those of the REST interface."""

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Final, final

import msgspec

from waiver_exchange.application.cancel_order import begin_cancel, cancel_all_orders, cancel_order
from waiver_exchange.application.outcome import Outcome
from waiver_exchange.application.place_order import OrderRequest, begin_order, place_order
from waiver_exchange.application.read_outcome import order_in_memory, read_outcome
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.replace_order import ReplaceRequest, replace_order
from waiver_exchange.domain.ids import IdKind, from_uuid
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest import fields
from waiver_exchange.gateway.rest.bodies import OrderBody, order_body
from waiver_exchange.gateway.rest.body import Body, optional_text, required_text
from waiver_exchange.gateway.rest.json_object import JsonObject
from waiver_exchange.gateway.rest.orders import REPLACE_BODY, parse_order, parse_replacement
from waiver_exchange.gateway.websocket.requests import LATER
from waiver_exchange.projections.state import OrderView

if TYPE_CHECKING:
    from waiver_exchange.gateway.websocket.session import NativeSession

_UUID: Final = {"type": "string", "format": "uuid"}
_REPLACED: Final = required_text("id", _UUID, "The order to replace.")
REPLACE_PARAMS: Final = Body("ReplaceParams", _REPLACED, *REPLACE_BODY.fields)
_ID: Final = optional_text("id", _UUID, "The order.")
_NAME: Final = optional_text("client_order_id", {"type": "string"}, "Its owner's name of the order, instead.")
CANCEL_PARAMS: Final = Body("CancelParams", _ID, _NAME)
_SYMBOL: Final = optional_text("symbol", {"type": "string"}, "Only orders of this market.")
CANCEL_ALL_PARAMS: Final = Body("CancelAllParams", _SYMBOL)
_encode: Final = msgspec.json.Encoder().encode


@final
class CommandAnswer:
    """The answer to one command under way, as the sequencer sees it: it is put aside and sent after the commit."""

    __slots__ = ("error", "outcome", "request_id", "session")

    def __init__(self, session: "NativeSession", request_id: bytes) -> None:
        """Wait for the outcome of a request."""
        self.session = session
        self.request_id = request_id
        self.outcome: Outcome | None = None
        self.error: RefusedError | None = None

    def done(self) -> bool:
        """Whether nobody waits any more: an outcome comes once."""
        return self.outcome is not None or self.error is not None

    def set_result(self, outcome: Outcome, /) -> None:
        """Put the outcome aside."""
        self.outcome = outcome
        self.session.endpoint.settle(self)

    def set_exception(self, error: RefusedError, /) -> None:
        """Put the refusal aside."""
        self.error = error
        self.session.endpoint.settle(self)

    def body(self) -> bytes | Coroutine[None, None, object]:
        """Return the order as JSON, or what to await for it when it has left memory. Raises `RefusedError`."""
        if self.outcome is None:
            raise self.error or RefusedError(RefusalReason.internal_error)
        exchange = self.session.endpoint.exchange
        order = order_in_memory(exchange, self.outcome)
        if order is None:
            return self._read(self.outcome)
        return _encode(order_body(order, symbol=exchange.state.markets[order.market].symbol))

    async def _read(self, outcome: Outcome) -> OrderBody:
        return _body(self.session, await read_outcome(self.session.endpoint.exchange, outcome))


def place(session: "NativeSession", request_id: bytes, params: JsonObject) -> object:
    """Place an order."""
    request = parse_order(params)
    exchange, account = session.endpoint.exchange, session.account
    if begin_order(exchange, account=account, request=request, answer=CommandAnswer(session, request_id)):
        session.in_flight += 1
    else:
        session.answer_later(request_id, _place(session, request, account=account))
    return LATER


def replace(session: "NativeSession", request_id: bytes, params: JsonObject) -> object:
    """Replace an order; the answer is the new one."""
    order_id = _read_id(fields.required_text(params, "id"))
    request = parse_replacement({field: value for field, value in params.items() if field != "id"})
    session.answer_later(request_id, _replace(session, order_id, request, account=session.account))
    return LATER


def cancel(session: "NativeSession", request_id: bytes, params: JsonObject) -> object:
    """Cancel an order."""
    given = CANCEL_PARAMS.read(params)
    id_text, name = given[_ID], given[_NAME]
    exchange, account = session.endpoint.exchange, session.account
    if id_text is not None and name is None:
        order_id = _read_id(id_text)
        answer = CommandAnswer(session, request_id)
        if begin_cancel(exchange, account=account, order_id=order_id, answer=answer):
            session.in_flight += 1
        else:
            session.answer_later(request_id, _cancel(session, account=account, order_id=order_id))
    elif id_text is None and name is not None:
        session.answer_later(request_id, _cancel_named(session, account=account, name=name))
    else:
        problem = "Give exactly one of id and client_order_id."
        raise RefusedError(RefusalReason.field_is_invalid, field="id", problem=problem)
    return LATER


def cancel_all(session: "NativeSession", request_id: bytes, params: JsonObject) -> object:
    """Cancel all open orders, or those of one symbol."""
    symbol = CANCEL_ALL_PARAMS.read(params)[_SYMBOL]
    session.answer_later(request_id, _cancel_all(session, account=session.account, symbol=symbol))
    return LATER


async def _place(session: "NativeSession", request: OrderRequest, *, account: int) -> OrderBody:
    return _body(session, await place_order(session.endpoint.exchange, account=account, request=request))


async def _replace(session: "NativeSession", order_id: int, request: ReplaceRequest, *, account: int) -> OrderBody:
    exchange = session.endpoint.exchange
    return _body(session, await replace_order(exchange, account=account, order_id=order_id, request=request))


async def _cancel(session: "NativeSession", *, account: int, order_id: int) -> OrderBody:
    return _body(session, await cancel_order(session.endpoint.exchange, account=account, order_id=order_id))


async def _cancel_named(session: "NativeSession", *, account: int, name: str) -> OrderBody:
    queries = session.endpoint.exchange.queries
    order = await queries.order_by_client_order_id(account=account, client_order_id=name)
    if order is None:
        raise RefusedError(RefusalReason.order_not_found)
    return await _cancel(session, account=account, order_id=order.order_id)


async def _cancel_all(session: "NativeSession", *, account: int, symbol: str | None) -> list[OrderBody]:
    cancelled = await cancel_all_orders(session.endpoint.exchange, account=account, symbol=symbol)
    return [_body(session, order) for order in cancelled.some()]


def _body(session: "NativeSession", order: OrderView) -> OrderBody:
    return order_body(order, symbol=session.endpoint.exchange.state.markets[order.market].symbol)


def _read_id(text: str) -> int:
    order_id = from_uuid(IdKind.order, text)
    if order_id is None:
        raise RefusedError(RefusalReason.order_not_found)
    return order_id
