"""What was read of a request, asked for by the description it was read by, so that its type is known."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")

Schema = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Named(Generic[T]):
    """A parameter or field: its name, its JSON Schema and a sentence for people."""

    name: str
    schema: Schema
    description: str
    is_required: bool = False


class Values:
    """The values of a request's parameters or fields."""

    __slots__ = ("_values",)

    def __init__(self, values: dict[str, Any]) -> None:
        """Keep them by their names."""
        self._values = values

    def __getitem__(self, named: Named[T]) -> T:
        """Return the value of what is described, which must be part of the route."""
        value: T = self._values[named.name]  # without a cast, because every field of every order comes by here
        return value
