"""One hash of all that an engine answers to a file of commands, to compare processes that run it compiled and not.

`python -m tests.model.digest FILE` prints how the engine runs, compiled or uncompiled, and the hash.
"""

import sys
from hashlib import sha256
from pathlib import Path

from waiver_exchange.engine import engine as engine_module
from waiver_exchange.engine.engine import Engine
from waiver_exchange.engine.state import state_bytes


def engine_is_compiled() -> bool:
    return not engine_module.__file__.endswith(".py")


def digest(commands: bytes) -> str:
    """Return the SHA-256 of all events of the commands, which lie one behind another, and of the state after them."""
    engine = Engine()
    engine.execute_batch(commands)
    return sha256(engine.take_events() + state_bytes(engine)).hexdigest()


if __name__ == "__main__":
    print("compiled" if engine_is_compiled() else "uncompiled", digest(Path(sys.argv[1]).read_bytes()))  # noqa: T201
