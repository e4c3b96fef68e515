"""The number of the newest broadcast, in eight bytes of memory that all processes of the service share.

The engine's process writes it before it answers anybody. Whoever has applied that number has seen everything that was
answered anywhere until now.
"""

import mmap
import os
from pathlib import Path
from typing import Final, Self

_BYTES: Final = 8


class Head:
    """The eight bytes; they stay when a process ends, and the next engine counts on from them."""

    def __init__(self, path: Path) -> None:
        """Open the file, creating it (mode 0600). Raises `OSError`."""
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            if os.fstat(descriptor).st_size < _BYTES:
                os.ftruncate(descriptor, _BYTES)
            self._map = mmap.mmap(descriptor, _BYTES)
        finally:
            os.close(descriptor)
        # One aligned word, which the processor reads and writes as a whole.
        self._words = memoryview(self._map).cast("Q")

    @property
    def number(self) -> int:
        """The number as it is now."""
        return self._words[0]

    def write(self, number: int) -> None:
        """Let everybody see a number."""
        self._words[0] = number

    def close(self) -> None:
        """Give the memory back."""
        self._words.release()
        self._map.close()

    def __enter__(self) -> Self:
        """Use it for a `with` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give the memory back."""
        self.close()
