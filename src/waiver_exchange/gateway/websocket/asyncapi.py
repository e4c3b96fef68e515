"""The AsyncAPI 3.0 document of `/ws`, made from the tables of methods and channels that the endpoint works by."""

from collections.abc import Iterable, Mapping
from importlib.metadata import version
from inspect import cleandoc
from typing import Any, Final

import msgspec

from waiver_exchange.gateway.feeds.directory import MARKET_CHANNELS, PRIVATE_CHANNELS
from waiver_exchange.gateway.rest.errors import ErrorDetail
from waiver_exchange.gateway.websocket.methods import METHODS, Method
from waiver_exchange.gateway.websocket.requests import ID_LENGTH_MAX

_SCHEMA: Final = "#/components/schemas/{name}"
_MESSAGE: Final = "#/components/messages/{name}"
_CHANNEL: Final = "ws"
_CHANNEL_REF: Final = {"$ref": f"#/channels/{_CHANNEL}"}
_ID: Final = {
    "description": "Sent back with the answer.",
    "oneOf": [{"type": "string", "maxLength": ID_LENGTH_MAX}, {"type": "number"}, {"type": "null"}],
}
_DESCRIPTION: Final = (
    "One connection for orders, market data and the own account. A client sends requests, each of which gets one "
    "answer with its `id`; several may be under way. A message of the server holds one answer, one push, or an array "
    "of pushes. The pushes of a channel have consecutive sequence numbers; whoever misses one subscribes again and "
    "gets a snapshot. docs/websocket.md has examples."
)

_Schema = Mapping[str, Any]


def asyncapi_document() -> bytes:
    """Return the document as JSON."""
    pushes = _pushes()
    types = [*(method.result for method in METHODS.values()), *(data for _, _, data, _ in pushes), ErrorDetail]
    shown, components = msgspec.json.schema_components(types, ref_template=_SCHEMA)
    schema_of = {repr(each): schema for each, schema in zip(types, shown, strict=True)}
    bodies = {method.params.name: method.params.schema() for method in METHODS.values()}
    messages: dict[str, object] = {}
    for name, method in METHODS.items():
        messages[_request(name)] = _request_message(name, method)
        messages[_answer(name)] = _answer_message(name, method, schema_of)
    for channel, kind, data, summary in pushes:
        messages[f"{_plain(channel)}.{kind}"] = _push_message(channel, kind, summary, schema_of[repr(data)])
    schemas = {name: _unfolded(schema) for name, schema in (components | bodies).items()}
    document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Waiver Exchange",
            "version": version("waiver-exchange"),
            "description": _DESCRIPTION,
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "exchange": {
                "host": "{host}",
                "protocol": "ws",
                "description": "Where the exchange runs; wss behind TLS.",
                "variables": {"host": {"default": "localhost:8081"}},
            }
        },
        "channels": {
            _CHANNEL: {
                "address": "/ws",
                "servers": [{"$ref": "#/servers/exchange"}],
                "messages": {name: {"$ref": _MESSAGE.format(name=name)} for name in messages},
            }
        },
        "operations": _operations([f"{_plain(channel)}.{kind}" for channel, kind, _, _ in pushes]),
        "components": {"messages": messages, "schemas": schemas},
    }
    return msgspec.json.encode(document)


def _pushes() -> list[tuple[str, str, Any, str]]:
    """Return channel, type, data and summary of every kind of push."""
    of_markets = [
        (channel.address, kind, data, channel.summary)
        for channel in MARKET_CHANNELS.values()
        for kind, data in channel.pushes.items()
    ]
    of_accounts = [
        (name, kind, data, channel.summary)
        for name, channel in PRIVATE_CHANNELS.items()
        for kind, data in channel.pushes.items()
    ]
    return of_markets + of_accounts


def _operations(pushes: Iterable[str]) -> dict[str, object]:
    operations: dict[str, object] = {
        name: {
            "action": "receive",
            "channel": _CHANNEL_REF,
            "summary": method.summary,
            "messages": [_in_channel(_request(name))],
            "reply": {"channel": _CHANNEL_REF, "messages": [_in_channel(_answer(name))]},
        }
        for name, method in METHODS.items()
    }
    operations["push"] = {
        "action": "send",
        "channel": _CHANNEL_REF,
        "summary": "Tell what happened in a channel that the client is subscribed to.",
        "messages": [_in_channel(name) for name in pushes],
    }
    return operations


def _request_message(name: str, method: Method) -> dict[str, object]:
    scope = f" Needs a key with the scope `{method.scope}`." if method.scope else ""
    return {
        "name": _request(name),
        "summary": method.summary + scope,
        "payload": {
            "type": "object",
            "properties": {
                "id": _ID,
                "method": {"const": name},
                "params": {"$ref": _SCHEMA.format(name=method.params.name)},
            },
            "required": ["method"],
            "additionalProperties": False,
        },
    }


def _answer_message(name: str, method: Method, schema_of: Mapping[str, _Schema]) -> dict[str, object]:
    return {
        "name": _answer(name),
        "payload": {
            "oneOf": [
                _object(id=_ID, result=schema_of[repr(method.result)]),
                _object(id=_ID, error=schema_of[repr(ErrorDetail)]),
            ]
        },
    }


def _push_message(channel: str, kind: str, summary: str, data: _Schema) -> dict[str, object]:
    name = {"const": channel} if "{" not in channel else {"type": "string", "examples": [_example(channel)]}
    sequence = {"type": "integer", "minimum": 0}
    return {
        "name": f"{_plain(channel)}.{kind}",
        "title": f"{channel} {kind}",
        "summary": summary,
        "payload": _object(channel=name, type={"const": kind}, sequence=sequence, data=data),
    }


def _object(**properties: _Schema) -> dict[str, object]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _in_channel(message: str) -> dict[str, str]:
    return {"$ref": f"#/channels/{_CHANNEL}/messages/{message}"}


def _request(method: str) -> str:
    return f"{method}.request"


def _answer(method: str) -> str:
    return f"{method}.answer"


def _plain(channel: str) -> str:
    return channel.partition(":")[0]


def _example(channel: str) -> str:
    return channel.format(symbol="MAHOMES", interval="1m")


def _unfolded(schema: _Schema) -> dict[str, Any]:
    return {**schema, **({"description": cleandoc(schema["description"])} if "description" in schema else {})}
