"""API keys and tokens: what a program acts with."""

from typing import Annotated, Final

import msgspec

from waiver_exchange.application import api_keys
from waiver_exchange.application.access import issue_token
from waiver_exchange.application.authority import KEY_SCOPES
from waiver_exchange.application.ports import ApiKey
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest import body
from waiver_exchange.gateway.rest.bodies import format_time, time_or_none
from waiver_exchange.gateway.rest.body import Body
from waiver_exchange.gateway.rest.formats import Time
from waiver_exchange.gateway.rest.parameters import KEY_PATH
from waiver_exchange.gateway.rest.refusal_groups import FORM
from waiver_exchange.gateway.rest.route import Answer, Call, Route, json_answer

_R = RefusalReason
_NAME_SCHEMA: Final = {"type": "string", "maxLength": api_keys.KEY_NAME_LENGTH_MAX}
_NAME: Final = body.optional_text("name", _NAME_SCHEMA, "What the key is for, printable.")
_NEW_NAME: Final = body.required_text("name", _NAME_SCHEMA, "What the key is for, printable.")
_SCOPES: Final = body.words(
    "scopes", KEY_SCOPES, "What the key may do; without it all that the asking key may do, except audit."
)
KEY_BODY: Final = Body("KeyRequest", _NAME, _SCOPES)
KEY_NAME_BODY: Final = Body("KeyNameRequest", _NEW_NAME)

Scope = Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(KEY_SCOPES)})]


class KeyBody(msgspec.Struct, frozen=True, kw_only=True):
    """An API key without its secret; a key that is revoked opens nothing."""

    id: str
    name: str
    scopes: list[Scope]
    created_at: Time
    last_used_at: Time | None
    revoked_at: Time | None


class NewKeyBody(KeyBody, frozen=True, kw_only=True):
    """A new API key with its secret, which is shown this once and kept nowhere."""

    api_key: str
    api_secret: str


class TokenBody(msgspec.Struct, frozen=True, kw_only=True):
    """What stands for the asking key, with all its scopes, until it expires, or the key is revoked."""

    token: str
    expires_at: Time


async def _list(call: Call) -> Answer:
    keys = api_keys.list_keys(call.exchange, account=call.account)
    return json_answer([_key_body(key) for key in keys])


async def _create(call: Call) -> Answer:
    fields = KEY_BODY.read(call.given)
    new = await api_keys.create_own_key(call.exchange, call.caller, name=fields[_NAME] or "", scopes=fields[_SCOPES])
    shown = msgspec.structs.asdict(_key_body(new.key))
    return json_answer(NewKeyBody(**shown, api_key=new.api_key, api_secret=new.api_secret))


async def _rename(call: Call) -> Answer:
    name = KEY_NAME_BODY.read(call.given)[_NEW_NAME]
    key = await api_keys.rename_key(
        call.exchange, account=call.account, key_id=call[KEY_PATH], name=name, actor=call.account
    )
    return json_answer(_key_body(key))


async def _revoke(call: Call) -> Answer:
    key = await api_keys.revoke_key(call.exchange, account=call.account, key_id=call[KEY_PATH], actor=call.account)
    return json_answer(_key_body(key))


async def _issue_token(call: Call) -> Answer:
    token = issue_token(call.exchange, call.caller)
    return json_answer(TokenBody(token=token.text, expires_at=format_time(token.expires_at_ns)))


def _key_body(key: ApiKey) -> KeyBody:
    return KeyBody(
        id=key.key_id,
        name=key.name,
        scopes=sorted(key.scopes, key=KEY_SCOPES.index),
        created_at=format_time(key.created_at_ns),
        last_used_at=time_or_none(key.last_used_at_ns),
        revoked_at=time_or_none(key.revoked_at_ns),
    )


KEY_ROUTES: Final = (
    Route(
        method="GET",
        path="/api/v1/keys",
        name="listKeys",
        summary="List the account's API keys, also revoked ones, oldest first.",
        tag="keys",
        handler=_list,
        answer=list[KeyBody],
        access="admin",
    ),
    Route(
        method="POST",
        path="/api/v1/keys",
        name="createKey",
        summary="Make an API key, with no more scopes than the asking one has.",
        tag="keys",
        handler=_create,
        answer=NewKeyBody,
        access="admin",
        kind="order",
        body=KEY_BODY,
        refusals=(
            _R.too_many_keys,
            _R.session_is_required,
            _R.step_up_is_required,
            _R.identity_is_unavailable,
            *FORM,
        ),
    ),
    Route(
        method="PATCH",
        path="/api/v1/keys/{key_id}",
        name="renameKey",
        summary="Give an API key another name.",
        tag="keys",
        handler=_rename,
        answer=KeyBody,
        access="admin",
        kind="order",
        parameters=(KEY_PATH,),
        body=KEY_NAME_BODY,
        refusals=(_R.key_not_found, _R.identity_is_unavailable, *FORM),
    ),
    Route(
        method="DELETE",
        path="/api/v1/keys/{key_id}",
        name="revokeKey",
        summary="End an API key and its tokens at once.",
        tag="keys",
        handler=_revoke,
        answer=KeyBody,
        access="admin",
        kind="order",
        parameters=(KEY_PATH,),
        refusals=(_R.key_not_found, _R.identity_is_unavailable),
    ),
    Route(
        method="POST",
        path="/api/v1/tokens",
        name="issueToken",
        summary="Get a token for an hour that stands for the asking key: Authorization: Bearer.",
        tag="keys",
        handler=_issue_token,
        answer=TokenBody,
        access="key",
        kind="order",
    ),
)
