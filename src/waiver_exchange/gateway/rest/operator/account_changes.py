"""What operators change about accounts."""

import re
from typing import Final

from waiver_exchange.application.authority import ROLES
from waiver_exchange.application.operating import parameters as asked
from waiver_exchange.application.operating.account_actions import NOTE_LENGTH_MAX
from waiver_exchange.application.ports import RequestRates
from waiver_exchange.domain.commands import AccountLimits
from waiver_exchange.domain.limits import ACCOUNT_NAME_LENGTH_MAX, REFERENCE_LENGTH_MAX
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest import body
from waiver_exchange.gateway.rest.body import Field
from waiver_exchange.gateway.rest.json_object import JsonObject
from waiver_exchange.gateway.rest.operator.changes import ACCOUNT_PATH, change_route, given
from waiver_exchange.gateway.rest.parameters import ORDER_ID_PATH, SYMBOL_SCHEMA, invalid
from waiver_exchange.gateway.rest.route import Call
from waiver_exchange.gateway.rest.values import Values

_R = RefusalReason
_INTEGER_MAX: Final = 2**62
_INTEGER: Final = re.compile(r"-?[0-9]{1,19}", re.ASCII)


def integer(name: str, description: str, *, least: int = 0) -> Field[int | None]:
    """Return a field that is a whole number, or is not given."""

    def read(found: JsonObject, field: str) -> int | None:
        value = found.get(field)
        if value is None:
            return None
        if not _INTEGER.fullmatch(str(value)) or not least <= int(str(value)) <= _INTEGER_MAX:
            raise invalid(field, expected=f"a whole number from {least}")
        return int(str(value))

    schema = {"type": ["integer", "null"], "minimum": least, "maximum": _INTEGER_MAX}
    return Field(name=name, schema=schema, description=description, read=read)


def _text(name: str, length: int, description: str) -> Field[str | None]:
    return body.optional_text(name, {"type": "string", "minLength": 1, "maxLength": length}, description)


_NAME: Final = body.required_text(
    "name", {"type": "string", "minLength": 1, "maxLength": ACCOUNT_NAME_LENGTH_MAX}, "The account's name."
)
_CASH: Final = body.money("cash", "Dollars to start with; none without it.")
_AMOUNT: Final = body.money("amount", "Dollars.")
_REFERENCE: Final = _text("reference", REFERENCE_LENGTH_MAX, "The same reference twice is done once.")
_ROLE: Final = body.required_text("role", body.one_of(ROLES), "What the account is to the exchange.")
_NOTE: Final = body.required_text(
    "text", {"type": "string", "minLength": 1, "maxLength": NOTE_LENGTH_MAX}, "The note; it is not in the journal."
)
_KEY: Final = _text("key_id", 64, "Only this key; all of them without it.")
_SESSION: Final = _text("session_id", 64, "Only this session; all of them without it.")
_SYMBOL: Final = body.optional_text("symbol", SYMBOL_SCHEMA, "Only the orders of this market; all without it.")
RATE_FIELDS: Final = tuple(
    integer(name, "Requests a second; what is not given stays. 0 lifts it, -1 is everybody's.", least=-1)
    for name in RequestRates._fields
)
LIMIT_FIELDS: Final = tuple(
    integer(name, "See `RiskLimitsBody`; what is not given stays. -1 inherits, 0 is no limit.", least=-1)
    for name in AccountLimits.__dataclass_fields__
)


def _numbers(values: Values, fields: tuple[Field[int | None], ...]) -> dict[str, int | None]:
    return {field.name: values[field] for field in fields}


def _one(call: Call, _: Values) -> asked.OneAccount:
    return asked.OneAccount(account=call[ACCOUNT_PATH])


def _new(_: Call, values: Values) -> asked.NewAccount:
    return asked.NewAccount(name=values[_NAME], cash_micros=values[_CASH] or 0)


def _role(call: Call, values: Values) -> asked.Role:
    return asked.Role(account=call[ACCOUNT_PATH], role=values[_ROLE])


def _limits(call: Call, values: Values) -> asked.LimitsOfAccount:
    return asked.LimitsOfAccount(account=call[ACCOUNT_PATH], **_numbers(values, LIMIT_FIELDS))


def _role_limits(_: Call, values: Values) -> asked.LimitsOfRole:
    return asked.LimitsOfRole(role=values[_ROLE], **_numbers(values, LIMIT_FIELDS))


def _rates(call: Call, values: Values) -> asked.Rates:
    return asked.Rates(account=call[ACCOUNT_PATH], **_numbers(values, RATE_FIELDS))


def _deposit(call: Call, values: Values) -> asked.Deposit:
    return asked.Deposit(
        account=call[ACCOUNT_PATH], amount_micros=given(values, _AMOUNT), reference=values[_REFERENCE] or ""
    )


_OF_ACCOUNT: Final = (ACCOUNT_PATH,)
_FOUND: Final = (_R.account_not_found,)
ACCOUNT_CHANGES: Final = (
    change_route(
        path="/accounts",
        name="openAccount",
        summary="Open an account with an API key.",
        action="open_account",
        read=_new,
        fields=(_NAME, _CASH),
        refusals=(_R.amount_must_be_positive, _R.cash_issued_would_be_too_large, _R.identity_is_unavailable),
        tells_secret=True,
    ),
    change_route(
        path="/accounts/{account_id}/freeze",
        name="freezeAccount",
        summary="Stop an account's new orders.",
        action="freeze_account",
        read=_one,
        parameters=_OF_ACCOUNT,
        refusals=_FOUND,
    ),
    change_route(
        path="/accounts/{account_id}/unfreeze",
        name="unfreezeAccount",
        summary="Let an account place orders again.",
        action="unfreeze_account",
        read=_one,
        parameters=_OF_ACCOUNT,
        refusals=_FOUND,
    ),
    change_route(
        path="/accounts/{account_id}/role",
        name="setRole",
        summary="Give an account a role, which bounds its keys and sessions at once.",
        action="set_role",
        read=_role,
        fields=(_ROLE,),
        parameters=_OF_ACCOUNT,
        refusals=_FOUND,
    ),
    change_route(
        path="/accounts/{account_id}/limits",
        name="setLimits",
        summary="Set an account's risk limits; they take effect with its next order.",
        action="set_limits",
        read=_limits,
        fields=LIMIT_FIELDS,
        parameters=_OF_ACCOUNT,
        refusals=(*_FOUND, _R.limits_are_invalid),
    ),
    change_route(
        path="/role-limits",
        name="setRoleLimits",
        summary="Set the risk limits of all accounts of a role.",
        action="set_role_limits",
        read=_role_limits,
        fields=(_ROLE, *LIMIT_FIELDS),
        refusals=(_R.limits_are_invalid,),
    ),
    change_route(
        path="/accounts/{account_id}/request-rates",
        name="setRequestRates",
        summary="Set how many requests a second an account may send, each of its keys and all together.",
        action="set_request_rates",
        read=_rates,
        fields=RATE_FIELDS,
        parameters=_OF_ACCOUNT,
        refusals=(*_FOUND, _R.identity_is_unavailable),
    ),
    change_route(
        path="/accounts/{account_id}/revoke-keys",
        name="revokeKeys",
        summary="End one API key of an account, or all.",
        action="revoke_keys",
        read=lambda call, values: asked.OneKey(account=call[ACCOUNT_PATH], key_id=values[_KEY] or ""),
        fields=(_KEY,),
        parameters=_OF_ACCOUNT,
        refusals=(*_FOUND, _R.key_not_found, _R.identity_is_unavailable),
    ),
    change_route(
        path="/accounts/{account_id}/revoke-sessions",
        name="revokeSessions",
        summary="End one session of an account's owner, or all.",
        action="revoke_sessions",
        read=lambda call, values: asked.OneSession(account=call[ACCOUNT_PATH], session_id=values[_SESSION] or ""),
        fields=(_SESSION,),
        parameters=_OF_ACCOUNT,
        refusals=(*_FOUND, _R.session_not_found, _R.identity_is_unavailable),
    ),
    change_route(
        path="/accounts/{account_id}/remove-passkeys",
        name="removePasskeys",
        summary="Remove all passkeys of an account whose device is lost, and end its sessions.",
        action="remove_passkeys",
        read=_one,
        parameters=_OF_ACCOUNT,
        refusals=(*_FOUND, _R.identity_is_unavailable),
    ),
    change_route(
        path="/accounts/{account_id}/notes",
        name="addNote",
        summary="Write a note about an account; its text is not in the journal.",
        action="add_note",
        read=lambda call, values: asked.NewNote(account=call[ACCOUNT_PATH], text=values[_NOTE]),
        fields=(_NOTE,),
        parameters=_OF_ACCOUNT,
        refusals=(*_FOUND, _R.identity_is_unavailable),
    ),
    change_route(
        path="/accounts/{account_id}/deposits",
        name="depositCash",
        summary="Issue cash to an account.",
        action="deposit_cash",
        read=_deposit,
        fields=(_AMOUNT, _REFERENCE),
        parameters=_OF_ACCOUNT,
        refusals=(
            *_FOUND,
            _R.amount_must_be_positive,
            _R.cash_issued_would_be_too_large,
            _R.reference_used_with_other_content,
            _R.reference_is_reserved,
        ),
    ),
    change_route(
        path="/orders/{order_id}/cancel",
        name="cancelOrderOfAnybody",
        summary="Take an open order back, whoever it belongs to.",
        action="cancel_order",
        read=lambda call, _: asked.OneOrder(order_id=call[ORDER_ID_PATH]),
        parameters=(ORDER_ID_PATH,),
        refusals=(_R.order_not_found, _R.order_is_final),
    ),
    change_route(
        path="/accounts/{account_id}/cancel-orders",
        name="cancelOrdersOfAccount",
        summary="Take the open orders of an account back, of one market or of all.",
        action="cancel_orders",
        read=lambda call, values: asked.OpenOrders(account=call[ACCOUNT_PATH], symbol=values[_SYMBOL] or ""),
        fields=(_SYMBOL,),
        parameters=_OF_ACCOUNT,
        refusals=(*_FOUND, _R.market_not_found),
    ),
)
