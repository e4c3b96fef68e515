"""Which keys a reader of checkpoints believes: those given, and those that a believed checkpoint names as the next."""

from collections.abc import Iterable
from dataclasses import dataclass

from waiver_exchange.application.checkpoints.checkpoint import Checkpoint, SignedCheckpoint, read_signed
from waiver_exchange.application.checkpoints.note import NoteError, VerifyingKey


class CheckpointsWrongError(Exception):
    """A checkpoint is not to be believed; the message says which and why."""


@dataclass(slots=True)
class Trust:
    """The keys that are believed so far."""

    keys: tuple[VerifyingKey, ...]

    def take(self, signed: SignedCheckpoint) -> Checkpoint:
        """Return what a checkpoint says if a believed key signed it. Raises `NoteError`."""
        signed.note.signed_by(self.keys)
        checkpoint = signed.checkpoint
        if checkpoint.next_key is not None and checkpoint.next_key not in self.keys:
            self.keys = (*self.keys, checkpoint.next_key)
        return checkpoint


def split_notes(content: str) -> list[str]:
    """Return the notes of a file of checkpoints, which an empty line follows each. Raises `CheckpointsWrongError`."""
    blocks = content.strip("\n").split("\n\n")
    if len(blocks) % 2:
        raise CheckpointsWrongError("The file ends within a checkpoint, or is none of checkpoints: it was cut short.")
    pairs = zip(blocks[::2], blocks[1::2], strict=True)
    return [f"{text}\n\n{signatures}\n" for text, signatures in pairs]


def believe(notes: Iterable[str], *, keys: tuple[VerifyingKey, ...]) -> list[Checkpoint]:
    """Return what the checkpoints of a file say, in order. Raises `CheckpointsWrongError` for the first wrong one."""
    trust = Trust(keys)
    found: list[Checkpoint] = []
    for number, content in enumerate(notes, start=1):
        try:
            checkpoint = trust.take(read_signed(content))
        except NoteError as error:
            raise CheckpointsWrongError(f"Checkpoint {number} of the file is not to be believed: {error}.") from error
        before = found[-1] if found else None
        if before is not None and (checkpoint.origin != before.origin or checkpoint.sequence < before.sequence):
            raise CheckpointsWrongError(f"Checkpoint {number} of the file is out of order, or of another exchange.")
        found.append(checkpoint)
    if not found:
        raise CheckpointsWrongError("The file holds no checkpoint.")
    return found
