"""What a file of checkpoints proves: who may have signed each, that none is missing, and that no two contradict.

Believed are the keys given, and those that a believed checkpoint names as the next. Behind the checkpoint that names
its successor a key is not believed any more: whoever finds it later signs nothing with it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from waiver_exchange.application.checkpoints.checkpoint import Checkpoint, SignedCheckpoint, read_signed
from waiver_exchange.application.checkpoints.note import NoteError, VerifyingKey


class CheckpointsWrongError(Exception):
    """A checkpoint is not to be believed; the message says which and why."""


@dataclass(slots=True)
class Trust:
    """The keys that are believed so far, and those that were until a checkpoint named their successor."""

    keys: tuple[VerifyingKey, ...]
    replaced: tuple[VerifyingKey, ...] = ()

    def take(self, signed: SignedCheckpoint) -> Checkpoint:
        """Return what a checkpoint says if a believed key signed it. Raises `NoteError`."""
        signer = self._signer_of(signed)
        checkpoint = signed.checkpoint
        successor = checkpoint.next_key
        if successor is not None and successor != signer:
            self.replaced = (*self.replaced, signer)
            self.keys = (*(key for key in self.keys if key not in {signer, successor}), successor)
        return checkpoint

    def _signer_of(self, signed: SignedCheckpoint) -> VerifyingKey:
        try:
            return signed.note.signed_by(self.keys)
        except NoteError:
            signed.note.signed_by(self.replaced)  # raises what is to be said of any other key
            raise NoteError("an earlier checkpoint replaced the key that signed it") from None


def split_notes(content: str) -> list[str]:
    """Return the notes of a file of checkpoints, which an empty line follows each. Raises `CheckpointsWrongError`."""
    blocks = content.strip("\n").split("\n\n")
    if len(blocks) % 2:
        raise CheckpointsWrongError("The file ends within a checkpoint, or is none of checkpoints: it was cut short.")
    pairs = zip(blocks[::2], blocks[1::2], strict=True)
    return [f"{text}\n\n{signatures}\n" for text, signatures in pairs]


def believe(notes: Iterable[str], *, keys: tuple[VerifyingKey, ...]) -> list[Checkpoint]:
    """Return what the checkpoints of a file say, in order. Raises `CheckpointsWrongError` for the first wrong one.

    The file may begin with any checkpoint; from there on each must be the one that follows.
    """
    trust = Trust(keys)
    found: list[Checkpoint] = []
    for number, content in enumerate(notes, start=1):
        try:
            checkpoint = trust.take(read_signed(content))
        except NoteError as error:
            raise CheckpointsWrongError(f"Checkpoint {number} of the file is not to be believed: {error}.") from error
        problem = _follows(checkpoint, before=found[-1]) if found else None
        if problem is not None:
            raise CheckpointsWrongError(f"Checkpoint {number} of the file {problem}.")
        found.append(checkpoint)
    if not found:
        raise CheckpointsWrongError("The file holds no checkpoint.")
    return found


def _follows(checkpoint: Checkpoint, *, before: Checkpoint) -> str | None:
    """Return why a checkpoint is not the next one, or None."""
    if checkpoint.origin != before.origin or checkpoint.sequence < before.sequence:
        return "is out of order, or of another exchange"
    if checkpoint.sequence == before.sequence and checkpoint.chain != before.chain:
        return f"contradicts the one before it: both are of row {checkpoint.sequence} and name another hash of it"
    if checkpoint.previous != before.hash:
        return "does not follow the one before it: one between them is missing, or it was put in another's place"
    return None
