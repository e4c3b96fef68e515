"""Who reads what of the market data streams: found by channel and name, without going through all readers."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol, final

from waiver_exchange.gateway.alpaca.streams.messages import Message
from waiver_exchange.gateway.alpaca.streams.subscriptions import ALL, Channel, Place
from waiver_exchange.gateway.alpaca.symbols import QUOTE_SUFFIX, own_symbol

_NOBODY: Final[frozenset["Reader"]] = frozenset()


class Reader(Protocol):
    """A connection as the stream sees it."""

    is_msgpack: bool

    def put(self, item: bytes) -> None:
        """Take an encoded message for the next frame; returns at once, whatever the client does."""


@final
class Readers:
    """The readers by channel and name."""

    def __init__(self) -> None:
        """Start with none."""
        self._readers: dict[Place, set[Reader]] = {}

    def add(self, reader: Reader, places: Iterable[Place]) -> None:
        """Note what a reader wants from now on."""
        for place in places:
            self._readers.setdefault(place, set()).add(reader)

    def remove(self, reader: Reader, places: Iterable[Place]) -> None:
        """Note what a reader wants no more."""
        for place in places:
            readers = self._readers[place]
            readers.remove(reader)
            if not readers:
                del self._readers[place]

    def has_reader(self, channel: Channel, symbol: str) -> bool:
        """Whether anybody gets a channel of a symbol."""
        return next(self.of(channel, symbol), None) is not None

    def has_named(self, reader: Reader, channel: Channel, symbol: str) -> bool:
        """Whether a reader asked for a symbol by its name and not only for all."""
        names = symbol, symbol + QUOTE_SUFFIX
        return any(reader in self._readers.get(Place(channel, name), _NOBODY) for name in names)

    def symbols(self, channel: Channel) -> set[str]:
        """Return the symbols that somebody reads a channel of; `*` stands for all."""
        return {
            own_symbol(place.name, is_pair_allowed=True) or ALL for place in self._readers if place.channel == channel
        }

    def of(self, channel: Channel, symbol: str) -> Iterator[tuple[Reader, str]]:
        """Yield everybody who is to get a message about a symbol, once, and the name to call it by."""
        if not self._readers:
            return
        pair = symbol + QUOTE_SUFFIX
        by_symbol = self._readers.get(Place(channel, symbol), _NOBODY)
        by_pair = self._readers.get(Place(channel, pair), _NOBODY)
        for reader in by_symbol:
            yield reader, symbol
        for reader in by_pair:
            yield reader, pair
        for reader in self._readers.get(Place(channel, ALL), _NOBODY):
            if reader not in by_symbol and reader not in by_pair:
                yield reader, symbol

    def tell(self, channel: Channel, symbol: str, make: Callable[[], Message]) -> None:
        """Give a message, made only if there is somebody, to everybody who reads a channel of a symbol."""
        message: Message | None = None
        for reader, name in self.of(channel, symbol):
            if message is None:
                message = make()
            reader.put(message.encoded(name, is_msgpack=reader.is_msgpack))
