"""A command that another process of this service has written already: only its time is missing."""

from dataclasses import dataclass
from typing import Final, Self

from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import Command, OpenAccount, encode_command

_WORD: Final = 8
_WORDS_MIN: Final = 3


@dataclass(frozen=True, slots=True)
class EncodedCommand:
    """The journal's bytes of a command with a time of 0; the key goes beside it, because it is not in them."""

    record: bytes

    @classmethod
    def of(cls, command: Command) -> Self:
        """Return a command written. Raises `struct.error`, `UnicodeEncodeError` for what no record can hold."""
        return cls(encode_command(command, time_ns=0))

    def stamped(self, time_ns: int) -> bytes:
        """Return the record with the time (UNIX nanoseconds) at which it is executed."""
        record = self.record
        return record[:_WORD] + time_ns.to_bytes(_WORD, "little") + record[2 * _WORD :]

    @property
    def kind(self) -> int:
        """Which command it is, as `domain.codes` number them."""
        return self.record[0]

    @property
    def is_whole(self) -> bool:
        """Whether it is as long as it says that it is: what comes from elsewhere is looked at."""
        header = int.from_bytes(self.record[:_WORD], "little")
        words = header >> codes.HEADER_WORDS_SHIFT & 0xFFFF
        tail_words = -(-(header >> codes.HEADER_TAIL_SHIFT) // _WORD)
        return words >= _WORDS_MIN and len(self.record) == (words + tail_words) * _WORD


# What the sequencer takes.
Submittable = Command | EncodedCommand


def encode_submitted(command: Submittable, *, time_ns: int) -> bytes:
    """Return the journal's bytes of a command, stamped. Raises as `EncodedCommand.of` does."""
    return command.stamped(time_ns) if isinstance(command, EncodedCommand) else encode_command(command, time_ns=time_ns)


def is_opening(command: Submittable) -> bool:
    """Return whether a command opens an account."""
    return (
        command.kind == codes.OPEN_ACCOUNT if isinstance(command, EncodedCommand) else isinstance(command, OpenAccount)
    )
