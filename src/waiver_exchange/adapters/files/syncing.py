"""What makes a new or renamed file outlive a loss of power."""

import os
from pathlib import Path


def sync_directory(directory: Path) -> None:
    """Bring a directory's entries to the disk. Raises `OSError`."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
