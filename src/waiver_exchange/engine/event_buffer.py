"""The events of the commands executed since the last take, as words in one growing buffer."""

from typing import Final, final

from librt.vecs import append, vec
from mypy_extensions import i64

from waiver_exchange.engine.tables import grown

# More words than the events of one command outside its trades, or of one trade, can take.
_ROOM: Final = 64
_GROWTH: Final = 1_024
# One word in a header, which counts them from bit 8 on.
_WORD: Final = 256


@final
class EventBuffer:
    """Events in order, with the end of each command's events, until they are taken."""

    def __init__(self) -> None:
        """Start empty."""
        self.words: vec[i64] = vec[i64]()
        self.used: i64 = 0
        # Up to here `words` may be used before it must grow.
        self._full_at: i64 = -1
        self.ends: vec[i64] = vec[i64]()
        self.end_count: i64 = 0

    def mark_end(self) -> None:
        """Note that the events so far belong to the commands so far."""
        ends = self.ends
        count: i64 = self.end_count
        if count < i64(len(ends)):
            ends[count] = self.used
        else:
            self.ends = append(ends, self.used)
        self.end_count = count + 1

    def take(self) -> bytes:
        """Return the words as little-endian bytes and start anew."""
        taken = memoryview(self.words)[: int(self.used)].tobytes()
        self.used = 0
        self.end_count = 0
        return taken

    def take_ends(self) -> list[int]:
        """Return the byte offset after each command's events; call it before `take`."""
        ends: list[int] = []
        at: i64 = 0
        while at < self.end_count:
            ends.append(int(self.ends[at] * 8))
            at += 1
        return ends

    def discard(self) -> None:
        """Drop what was not taken."""
        self.used = 0
        self.end_count = 0

    def make_room(self) -> None:
        """Make room for what one command, or one trade of it, emits; the writes below rely on it."""
        if self.used > self._full_at:
            words = self.words
            self.words = grown(words, _GROWTH + i64(len(words)) // 2)
            self._full_at = i64(len(self.words)) - _ROOM

    def emit0(self, kind: i64) -> None:
        """Write an event without fields."""
        words = self.words
        words[self.used] = kind | 1 * _WORD
        self.used += 1

    def emit1(self, kind: i64, a: i64) -> None:
        """Write an event of one field."""
        words = self.words
        at: i64 = self.used
        words[at] = kind | 2 * _WORD
        words[at + 1] = a
        self.used = at + 2

    def emit2(self, kind: i64, a: i64, b: i64) -> None:
        """Write an event of two fields."""
        words = self.words
        at: i64 = self.used
        words[at] = kind | 3 * _WORD
        words[at + 1] = a
        words[at + 2] = b
        self.used = at + 3

    def emit3(self, kind: i64, a: i64, b: i64, c: i64) -> None:
        """Write an event of three fields."""
        words = self.words
        at: i64 = self.used
        words[at] = kind | 4 * _WORD
        words[at + 1] = a
        words[at + 2] = b
        words[at + 3] = c
        self.used = at + 4

    def emit4(self, kind: i64, a: i64, b: i64, c: i64, d: i64) -> None:
        """Write an event of four fields."""
        words = self.words
        at: i64 = self.used
        words[at] = kind | 5 * _WORD
        words[at + 1] = a
        words[at + 2] = b
        words[at + 3] = c
        words[at + 4] = d
        self.used = at + 5

    def emit5(self, kind: i64, a: i64, b: i64, c: i64, d: i64, e: i64) -> None:
        """Write an event of five fields."""
        words = self.words
        at: i64 = self.used
        words[at] = kind | 6 * _WORD
        words[at + 1] = a
        words[at + 2] = b
        words[at + 3] = c
        words[at + 4] = d
        words[at + 5] = e
        self.used = at + 6

    def open(self, kind: i64, fields: i64) -> i64:
        """Start an event of up to fourteen fields and return where its first field goes; `words[at + n]` follow."""
        words = self.words
        at: i64 = self.used
        words[at] = kind | (fields + 1) * _WORD
        self.used = at + fields + 1
        return at + 1
