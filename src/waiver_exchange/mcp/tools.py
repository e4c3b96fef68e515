"""What a tool is: a name, words for the assistant, types for what it takes and gives, and the request behind it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Generic, Literal, TypeVar

import msgspec
from mcp.types import CallToolResult, TextContent, ToolAnnotations
from mcp.types import Tool as ToolDescription

from waiver_exchange.client import AsyncClient, ClientError, Timestamp

P = TypeVar("P", bound=msgspec.Struct)
R = TypeVar("R", bound=msgspec.Struct)
T = TypeVar("T")
Access = Literal["public", "read", "trade"]

ITEMS_DEFAULT: Final = 20
Limit = Annotated[int, msgspec.Meta(ge=1, le=100, description="How many at most.")]
Symbol = Annotated[str, msgspec.Meta(description="The player's ticker, such as MAHOMES; find_markets finds it.")]
Time = Annotated[str, msgspec.Meta(description="RFC 3339 with zone, such as 2026-09-07T00:20:00Z.")]


class Items(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A list; a tool's result is always an object."""

    items: list[T]


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The arguments of a tool that takes none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool(Generic[P, R]):
    """One tool. The description is the first thing that an assistant reads of it, and often the only one."""

    name: str
    title: str
    description: str
    takes: type[P]
    gives: type[R]
    run: Callable[[AsyncClient, P], Awaitable[R]]
    access: Access
    is_destructive: bool = False

    def describe(self) -> ToolDescription:
        """Return what the protocol tells of the tool."""
        return ToolDescription(
            name=self.name,
            title=self.title,
            description=self.description,
            input_schema=_schema(self.takes),
            output_schema=_schema(self.gives),
            annotations=ToolAnnotations(
                title=self.title,
                read_only_hint=self.access != "trade",
                destructive_hint=self.is_destructive,
                idempotent_hint=self.access != "trade",
                open_world_hint=False,
            ),
        )

    async def call(self, client: AsyncClient, arguments: dict[str, Any]) -> CallToolResult:
        """Return the result of the request, or the reason why there is none."""
        try:
            takes = msgspec.convert(arguments, self.takes)
            result = await self.run(client, takes)
        except (ClientError, msgspec.ValidationError, ValueError) as error:
            return failed(str(error))
        data = msgspec.to_builtins(result, enc_hook=_encode)
        text = msgspec.json.encode(data).decode()
        return CallToolResult(content=[TextContent(text=text)], structured_content=data)


def failed(reason: str) -> CallToolResult:
    """Return a tool's error, with the reason for the assistant to read."""
    return CallToolResult(content=[TextContent(text=reason)], is_error=True)


def _schema(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Return a JSON schema whose root is an object, as the protocol wants it."""
    schema = msgspec.json.schema(kind, schema_hook=_schema_of_unknown)
    definitions = schema.pop("$defs", {})
    name = schema.pop("$ref").rpartition("/")[2]
    root: dict[str, Any] = definitions.pop(name)
    return root | ({"$defs": definitions} if definitions else {})


def _schema_of_unknown(kind: type) -> dict[str, Any]:
    if kind is Timestamp:
        return {"type": "string", "format": "date-time"}
    raise NotImplementedError(kind)


def _encode(value: object) -> object:
    if isinstance(value, Timestamp):
        return value.text
    raise NotImplementedError(type(value))
