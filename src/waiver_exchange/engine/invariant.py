"""What must always hold: a breach stops the process, in production too, and nothing catches it."""

from typing import NoReturn

from mypy_extensions import mypyc_attr


@mypyc_attr(native_class=False)
class InvariantError(AssertionError):
    """The engine's state contradicts its own rules; the process must stop and be examined."""


def fail(message: str) -> NoReturn:
    """Raise `InvariantError`; the caller has found that an invariant does not hold."""
    raise InvariantError(message)
