"""Checkpoints and the public key for everybody; the audit trail and exports of the journal for auditors."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

import msgspec

from waiver_exchange.application import audit
from waiver_exchange.application.audit_export import ExportRange, export_rows
from waiver_exchange.application.audit_facts import decode_facts
from waiver_exchange.application.checkpoints.checkpoint import origin_of, read_signed
from waiver_exchange.application.checkpoints.note import Signer
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.selections import AuditSelection
from waiver_exchange.domain.audit_events import AuditEvent
from waiver_exchange.domain.codes import OPERATOR
from waiver_exchange.domain.ids import IdKind, from_uuid, to_text
from waiver_exchange.domain.money import format_money
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest import parameters
from waiver_exchange.gateway.rest.bodies import format_time
from waiver_exchange.gateway.rest.cursors import encode_cursor
from waiver_exchange.gateway.rest.formats import Hash, Id, Money, Time, one_of
from waiver_exchange.gateway.rest.operator.bodies import HOST
from waiver_exchange.gateway.rest.parameters import DIRECTION, END, START, Parameter
from waiver_exchange.gateway.rest.refusal_groups import WRITING
from waiver_exchange.gateway.rest.route import Answer, Call, Route, json_answer
from waiver_exchange.gateway.rest.streaming import joined
from waiver_exchange.gateway.signin.own_pages import check_own_page
from waiver_exchange.projections.audit_trail import AuditView

_R = RefusalReason
EXPORT_ROWS_MAX: Final = 10_000
_ROW_MAX: Final = 10**18
_EVENTS: Final = "audit"
_CHECKPOINTS: Final = "checkpoints"
_JSON_LINES: Final = "application/jsonl"
_EXPORT_HEADERS: Final = (
    (b"content-type", _JSON_LINES.encode()),
    (b"content-disposition", b'attachment; filename="journal.jsonl"'),
)

EventName = Annotated[str, one_of(event.name for event in AuditEvent)]


class CheckpointBody(msgspec.Struct, frozen=True, kw_only=True):
    """A signed checkpoint; `note` is the whole of it as it is verified, the other fields say the same."""

    number: int
    sequence: int
    time: Time
    chain: Hash
    state_hash: Hash
    state_format: int
    cash_issued: Money
    cash_held: Money
    note: str


class CheckpointPageBody(msgspec.Struct, frozen=True, kw_only=True):
    """Checkpoints, newest first, and what the next page is asked for by; null on the last one."""

    items: list[CheckpointBody]
    next_cursor: str | None


class PublicKeyBody(msgspec.Struct, frozen=True, kw_only=True):
    """The keys that signed checkpoints, oldest first, in the form of c2sp.org/signed-note; the last one signs now."""

    origin: str
    public_keys: list[str]


class AuditEventBody(msgspec.Struct, frozen=True, kw_only=True):
    """An audit event; `actor` is null for the host's command line and the service itself."""

    sequence: int
    time: Time
    event: EventName
    account: Id | None
    actor: Id | None
    facts: dict[str, str | int]


class AuditPageBody(msgspec.Struct, frozen=True, kw_only=True):
    """Audit events and what the next page is asked for by; null on the last one."""

    items: list[AuditEventBody]
    next_cursor: str | None


def _account(name: str, *, description: str, has_host: bool = False) -> Parameter[int | None]:
    def parse(given: str) -> int:
        found = OPERATOR if has_host and given == HOST else from_uuid(IdKind.account, given)
        if found is None:
            raise parameters.invalid(name, expected="the id of an account" + (f", or {HOST}" if has_host else ""))
        return found

    return Parameter(name=name, schema={"type": "string"}, description=description, parse=parse, default=None)


_LIMIT: Final = parameters.limit()
_EVENTS_PAGE: Final = parameters.cursor(_EVENTS)
_CHECKPOINTS_PAGE: Final = parameters.cursor(_CHECKPOINTS)
_EVENT: Final = parameters.optional_word(
    "event", (event.name for event in AuditEvent), description="Only this kind of event."
)
_ACCOUNT: Final = _account("account", description="Only what is about this account.")
_ACTOR: Final = _account("actor", description="Only what this account did; `host` for the command line.", has_host=True)
_FIRST: Final = parameters.whole_number("first", default=1, largest=_ROW_MAX, description="The first row.")
_LAST: Final = parameters.whole_number(
    "last", default=0, least=0, largest=_ROW_MAX, description="The last row; 0 is as many as an answer may have."
)


async def _list_checkpoints(call: Call) -> Answer:
    store = call.exchange.checkpoints.store
    cursor = call[_CHECKPOINTS_PAGE]
    end = min(cursor[0], store.count()) if cursor else store.count()
    start = max(0, end - call[_LIMIT])
    notes = store.read(start=start, limit=end - start)
    items = [_checkpoint_body(number, note) for number, note in enumerate(notes, start=start + 1)]
    following = encode_cursor(_CHECKPOINTS, start) if start else None
    return json_answer(CheckpointPageBody(items=items[::-1], next_cursor=following))


def _checkpoint_body(number: int, note: str) -> CheckpointBody:
    checkpoint = read_signed(note).checkpoint
    return CheckpointBody(
        number=number,
        sequence=checkpoint.sequence,
        time=format_time(checkpoint.time_ns),
        chain=checkpoint.chain.hex(),
        state_hash=checkpoint.state_hash,
        state_format=checkpoint.state_format,
        cash_issued=format_money(checkpoint.cash_issued_micros),
        cash_held=format_money(checkpoint.cash_held_micros),
        note=note,
    )


async def _show_public_key(call: Call) -> Answer:
    exchange = call.exchange
    first = await exchange.journal.read(after=0, limit=1)
    origin = origin_of(first[0].chain) if first else ""
    keys = exchange.checkpoints.store.public_keys()
    if not keys and origin:
        keys = [Signer(name=origin, seed=exchange.audit_seed()).key.text]
    return json_answer(PublicKeyBody(origin=origin, public_keys=keys))


async def _list_events(call: Call) -> Answer:
    event = call[_EVENT]
    selection = AuditSelection(
        event=None if event is None else int(AuditEvent[event]),
        account=call[_ACCOUNT],
        actor=call[_ACTOR],
        start_ns=call[START],
        end_ns=call[END],
        is_ascending=call[DIRECTION] == "asc",
    )
    cursor = call[_EVENTS_PAGE]
    page = await call.exchange.queries.audit_page(selection, cursor=cursor[0] if cursor else None, limit=call[_LIMIT])
    following = None if page.next_cursor is None else encode_cursor(_EVENTS, page.next_cursor)
    return json_answer(AuditPageBody(items=[_event_body(event) for event in page.items], next_cursor=following))


def _event_body(event: AuditView) -> AuditEventBody:
    return AuditEventBody(
        sequence=event.sequence,
        time=format_time(event.time_ns),
        event=AuditEvent.of(event.event).name,
        account=to_text(IdKind.account, event.account) if event.account else None,
        actor=to_text(IdKind.account, event.actor) if event.actor else None,
        facts=decode_facts(event.facts),
    )


async def _export(call: Call) -> Answer:
    exchange = call.exchange
    check_own_page(exchange, call.headers)
    rows = _range_of(call)
    # Recorded first: nothing leaves without a trace.
    await audit.record_hourly(
        exchange,
        AuditEvent.audit_exported,
        what=f"{call[_FIRST]} {call[_LAST]}",
        actor=call.account,
        facts={"first": rows.first, "last": rows.last},
    )
    lines = _lines(exchange, rows)
    # The first piece is made before anything is answered, so that a failure is still told as one.
    first = await anext(lines)
    return Answer(joined(first, lines), 200, _EXPORT_HEADERS)


def _range_of(call: Call) -> ExportRange:
    held = call.exchange.state.sequence
    first, last = call[_FIRST], call[_LAST]
    last = last or min(held, first + EXPORT_ROWS_MAX - 1)
    if not first <= last <= held or last - first >= EXPORT_ROWS_MAX:
        raise RefusedError(_R.audit_range_is_wrong, last=held, limit=EXPORT_ROWS_MAX)
    return ExportRange(first=first, last=last)


def _lines(exchange: Exchange, rows: ExportRange) -> AsyncIterator[bytes]:
    store = exchange.checkpoints.store
    return export_rows(journal=exchange.journal, checkpoints=store, seed=exchange.audit_seed(), rows=rows)


def _route(path: str, handler: Any, **described: Any) -> Route:  # noqa: ANN401 - the fields of a route
    return Route(method="GET", path=f"/api/v1/audit/{path}", tag="audit", handler=handler, **described)


AUDIT_ROUTES: Final = (
    _route(
        "checkpoints",
        _list_checkpoints,
        name="listCheckpoints",
        summary="List the signed checkpoints of the journal, newest first.",
        description="Keep copies: they are what the journal is verified against.",
        answer=CheckpointPageBody,
        access="public",
        parameters=(_LIMIT, _CHECKPOINTS_PAGE),
    ),
    _route(
        "public-key",
        _show_public_key,
        name="getAuditPublicKey",
        summary="Show the public keys that sign checkpoints.",
        answer=PublicKeyBody,
        access="public",
    ),
    _route(
        "events",
        _list_events,
        name="listAuditEvents",
        summary="List security events and admin actions by pages.",
        answer=AuditPageBody,
        access="audit",
        parameters=(_EVENT, _ACCOUNT, _ACTOR, START, END, DIRECTION, _LIMIT, _EVENTS_PAGE),
        refusals=(_R.history_is_unavailable,),
    ),
    _route(
        "export",
        _export,
        name="exportJournal",
        summary="Export rows of the journal with their proof.",
        description=f"At most {EXPORT_ROWS_MAX:,} rows; `waiver audit export` has no such bound. "
        "It is recorded, the same range once an hour.",
        answer=None,
        access="audit",
        parameters=(_FIRST, _LAST),
        refusals=(_R.audit_range_is_wrong, _R.origin_is_foreign, *WRITING),
        media_type=_JSON_LINES,
    ),
)
