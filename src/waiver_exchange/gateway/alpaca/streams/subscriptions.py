"""What one connection to a market data stream wants: names by channel, where `*` is every market."""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple, final, get_args

from waiver_exchange.gateway.alpaca.symbols import own_symbol

Channel = Literal["trades", "quotes", "bars", "updatedBars", "dailyBars", "statuses", "lulds", "orderbooks"]
CHANNELS: Final[tuple[Channel, ...]] = get_args(Channel)
ALL: Final = "*"
# Over all channels of a connection; enough for every market on every channel of the largest league.
NAMES_MAX: Final = 6_000

# Said together with trades, as their corrections would be.
_WITH_TRADES: Final = ("corrections", "cancelErrors")


class Place(NamedTuple):
    """One name on one channel."""

    channel: Channel
    name: str


class NamesError(ValueError):
    """The lists of a request are none: not lists, not texts, or not symbols."""


class TooManyNamesError(ValueError):
    """A connection would be subscribed to more than `NAMES_MAX` names."""


@final
class Subscriptions:
    """The names of one connection; `is_pair_allowed` where `SYMBOL/USD` names a market too."""

    def __init__(self, *, is_pair_allowed: bool) -> None:
        """Start with none."""
        self._names: dict[Channel, dict[str, None]] = {channel: {} for channel in CHANNELS}
        self._is_pair_allowed = is_pair_allowed

    @property
    def places(self) -> list[Place]:
        """Everything that is subscribed to."""
        return [Place(channel, name) for channel, names in self._names.items() for name in names]

    def add(self, request: Mapping[str, object]) -> list[Place]:
        """Return what a request adds to what was there. Raises `NamesError`, `TooManyNamesError`: then nothing is."""
        added = [place for place in self._places_of(request) if place.name not in self._names[place.channel]]
        if sum(map(len, self._names.values())) + len(added) > NAMES_MAX:
            raise TooManyNamesError
        for channel, name in added:
            self._names[channel][name] = None
        return added

    def remove(self, request: Mapping[str, object]) -> list[Place]:
        """Return what a request takes away of what was there. Raises `NamesError`: then nothing is."""
        removed = [place for place in self._places_of(request) if place.name in self._names[place.channel]]
        for channel, name in removed:
            del self._names[channel][name]
        return removed

    def lists(self) -> dict[str, list[str]]:
        """Return the whole of it as clients are told."""
        lists: dict[str, list[str]] = {channel: list(names) for channel, names in self._names.items()}
        return lists | dict.fromkeys(_WITH_TRADES, lists["trades"])

    def _places_of(self, request: Mapping[str, object]) -> list[Place]:
        """Return the names of a request, each once; keys that are no channel of ours are passed over."""
        return list(
            dict.fromkeys(
                Place(channel, self._name_of(name)) for channel in CHANNELS for name in _list_of(request.get(channel))
            )
        )

    def _name_of(self, name: object) -> str:
        if not isinstance(name, str):
            raise NamesError
        if name != ALL and own_symbol(name, is_pair_allowed=self._is_pair_allowed) is None:
            raise NamesError
        return name


def _list_of(value: object) -> list[object]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise NamesError
    return value
