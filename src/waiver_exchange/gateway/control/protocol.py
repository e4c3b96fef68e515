"""What both ends of the control socket agree on: limits, errors, and the address of a socket whose path is long."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

LINE_BYTES_MAX: Final = 1 << 20
# sun_path holds 108 bytes on Linux and 104 elsewhere, with the zero at its end.
_ADDRESS_BYTES_MAX: Final = 103

Params = Mapping[str, object]
Result = dict[str, object]


class ControlError(Exception):
    """A method was refused or failed; `code` is stable, `details` helps the caller to do better."""

    def __init__(self, *, code: str, message: str, details: Mapping[str, object] | None = None) -> None:
        """Keep what the answer says."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = dict(details or {})

    def to_json(self) -> Result:
        """Return the object that stands behind `error`."""
        return {"code": self.code, "message": self.message, "details": self.details}


@contextmanager
def socket_address(path: Path) -> Iterator[str]:
    """Give an address for `bind` or `connect` that is short enough whatever the length of the path.

    Valid inside the block only. Raises `OSError` when the directory cannot be opened.
    """
    if len(os.fsencode(path)) <= _ADDRESS_BYTES_MAX:
        yield str(path)
        return
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)
