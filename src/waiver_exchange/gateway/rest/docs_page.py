"""The OpenAPI document as a page for people: plain HTML, made once, that needs neither scripts nor the internet."""

import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any, Final

Json = Mapping[str, Any]

_WORDS_SHOWN: Final = 20
_REF: Final = "#/components/schemas/"
_HEAD: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Waiver Exchange API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs.css">
</head>
<body>
"""
_CODE: Final = re.compile("`([^`]+)`")
_TAIL: Final = "</body>\n</html>\n"


def docs_page(document: Json) -> bytes:
    """Return the page of a document."""
    operations = [
        (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    parts = [_HEAD, _intro(document), _contents(document, operations), "<main>\n"]
    for tag in document["tags"]:
        parts.append(f"<h2 id='{_text(tag['name'])}'>{_text(tag['name']).capitalize()}</h2>\n")
        parts.append(f"<p>{_text(tag['description'])}</p>\n")
        own = [found for found in operations if tag["name"] in found[2]["tags"]]
        parts += [_operation(method, path, operation) for method, path, operation in own]
    parts.append("<h2 id='schemas'>Bodies</h2>\n")
    parts += [_schema(name, schema) for name, schema in sorted(document["components"]["schemas"].items())]
    return "".join((*parts, "</main>\n", _TAIL)).encode()


def _intro(document: Json) -> str:
    info = document["info"]
    schemes = "".join(
        f"<li><code>{_text(scheme.get('name', 'Authorization: Bearer'))}</code> {_text(scheme['description'])}</li>"
        for scheme in document["components"]["securitySchemes"].values()
    )
    return (
        f"<header><h1>{_text(info['title'])} API <small>{_text(info['version'])}</small></h1>\n"
        f"<p>{_text(info['description'])}</p>\n<ul>{schemes}</ul>\n"
        "<p>The same for programs: <a href='/openapi.json'>/openapi.json</a>, and for the WebSocket "
        "<a href='/asyncapi.json'>/asyncapi.json</a>.</p></header>\n"
    )


def _contents(document: Json, operations: Iterable[tuple[str, str, Json]]) -> str:
    lines = []
    for tag in document["tags"]:
        own = [found for found in operations if tag["name"] in found[2]["tags"]]
        links = "".join(
            f"<li><a href='#{_text(operation['operationId'])}'><b>{method}</b> {_text(path)}</a></li>"
            for method, path, operation in own
        )
        lines.append(f"<li><a href='#{_text(tag['name'])}'>{_text(tag['name']).capitalize()}</a><ul>{links}</ul></li>")
    return f"<nav><ul>{''.join(lines)}<li><a href='#schemas'>Bodies</a></li></ul></nav>\n"


def _operation(method: str, path: str, operation: Json) -> str:
    name = _text(operation["operationId"])
    parts = [
        f"<article id='{name}'><h3><b class='{method.lower()}'>{method}</b> <code>{_text(path)}</code></h3>\n",
        f"<p>{_text(operation['summary'])} {_text(operation.get('description', ''))}</p>\n",
        f"<p class='access'>{_access(operation)}</p>\n",
    ]
    if "parameters" in operation:
        rows = (
            (parameter["name"], parameter["in"], _type(parameter["schema"]), parameter["description"])
            for parameter in operation["parameters"]
        )
        parts.append(_table("Parameters", ("name", "where", "value", ""), rows))
    if "requestBody" in operation:
        parts.append(f"<p>Body: {_content(operation['requestBody'])}</p>\n")
    parts.append("<dl>\n")
    for status, response in operation["responses"].items():
        parts.append(f"<dt>{_text(status)} {_content(response)}</dt><dd>{_description(response)}</dd>\n")
    return "".join((*parts, "</dl></article>\n"))


def _access(operation: Json) -> str:
    if not operation["security"]:
        return "Public."
    scope = operation.get("x-scope")
    return f"Needs a key with the scope <code>{_text(scope)}</code>." if scope else "Needs a key."


def _description(response: Json) -> str:
    lines = response["description"].split("\n")
    if not lines[0].startswith("- "):
        return _text(response["description"])
    items = (line.removeprefix("- `").partition("`: ") for line in lines)
    return "<ul>" + "".join(f"<li><code>{_text(code)}</code> {_text(said)}</li>" for code, _, said in items) + "</ul>"


def _content(described: Json) -> str:
    return ", ".join(
        _type(content["schema"]) if media_type == "application/json" else f"<code>{_text(media_type)}</code>"
        for media_type, content in described.get("content", {}).items()
    )


def _schema(name: str, schema: Json) -> str:
    required = schema.get("required", ())
    rows = (
        (field if field in required else f"{field} (optional)", _type(described), described.get("description", ""))
        for field, described in schema["properties"].items()
    )
    said = f"<h3>{_text(name)}</h3>\n<p>{_text(schema.get('description', ''))}</p>\n"
    return f"<article id='schema-{_text(name)}'>{said}{_table('Fields', ('name', 'value', ''), rows)}</article>\n"


def _table(caption: str, head: Iterable[str], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a table; the cell before the last one of a row is HTML already, the others are text."""
    columns = "".join(f"<th scope='col'>{_text(name)}</th>" for name in head)
    body = "".join(
        "<tr>"
        + "".join(f"<td>{cell if position == len(row) - 2 else _text(cell)}</td>" for position, cell in enumerate(row))
        + "</tr>\n"
        for row in rows
    )
    return f"<table><caption>{caption}</caption><thead><tr>{columns}</tr></thead><tbody>{body}</tbody></table>\n"


def _type(schema: Json) -> str:
    """Return a schema in a few words, as HTML."""
    if "$ref" in schema:
        name = _text(schema["$ref"].removeprefix(_REF))
        return f"<a href='#schema-{name}'>{name}</a>"
    if "anyOf" in schema:
        return " or ".join(map(_type, schema["anyOf"]))
    if "enum" in schema:
        shown = " ".join(f"<code>{_text(word)}</code>" for word in schema["enum"])
        return shown if len(schema["enum"]) < _WORDS_SHOWN else "a code"
    if isinstance(schema.get("items"), Mapping):
        return f"array of {_type(schema['items'])}"
    kind = schema.get("type", "any")
    words = " or ".join(kind) if isinstance(kind, list) else str(kind)
    return _text(" ".join((words, *_bounds(schema))))


def _bounds(schema: Json) -> Iterable[str]:
    if "format" in schema:
        yield f"({schema['format']})"
    if "minimum" in schema and "maximum" in schema:
        yield f"from {schema['minimum']} to {schema['maximum']}"
    if "default" in schema:
        yield f"(default {schema['default']})"
    if "examples" in schema:
        yield f"such as {schema['examples'][0]}"


def _text(value: object) -> str:
    """Return text as HTML, with what stands between backticks as code."""
    return _CODE.sub(r"<code>\1</code>", escape(str(value), quote=True))
