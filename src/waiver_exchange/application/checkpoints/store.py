"""Where checkpoints are kept, as a protocol that adapters implement."""

from typing import Protocol


class CheckpointStore(Protocol):
    """Checkpoints in the order of their making, as signed notes, and the public keys that signed them.

    What is kept is never changed. Methods raise `OSError`.
    """

    def count(self) -> int:
        """Return how many checkpoints there are."""

    def read(self, *, start: int, limit: int) -> list[str]:
        """Return up to `limit` notes from one on; the first is 0."""

    def append(self, note: str) -> None:
        """Keep a note durably behind the others."""

    def public_keys(self) -> list[str]:
        """Return the public keys in the order of their first use, as they are published."""

    def add_key(self, key: str) -> None:
        """Keep a public key durably behind the others."""
