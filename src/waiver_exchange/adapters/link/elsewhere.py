"""The parts of an exchange that a gateway process does not have: whoever uses one is told so, and nothing is done."""

from typing import NoReturn


class ElsewhereError(Exception):
    """Only the engine's process can do this: the request should have been forwarded to it."""


class Elsewhere:
    """Has nothing of its own; what is asked of it raises `ElsewhereError`."""

    def __getattr__(self, name: str) -> NoReturn:
        """Called for what is not there."""
        if name.startswith("__"):
            raise AttributeError(name)
        message = f"{type(self).__name__}.{name} is for the engine's process alone"
        raise ElsewhereError(message)


async def elsewhere() -> None:
    """Raise `ElsewhereError`."""
    message = "this is for the engine's process alone"
    raise ElsewhereError(message)
