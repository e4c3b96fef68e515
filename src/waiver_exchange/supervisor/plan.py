"""What is to run, as one line of JSON on the supervisor's command line; nothing of it is secret."""

import json
from dataclasses import asdict, dataclass
from typing import Final

# Where a process of the service finds what it was given: the engine the data directory's lock, a gateway the
# listening socket; and the pipe that takes the line of who is ready.
HANDED: Final = 3
READY: Final = 4
# The longest such line; a pipe takes as much in one piece (PIPE_BUF of Linux). Who says more is not understood.
SAID_BYTES_MAX: Final = 4_096
# With these an engine says that it must not run, not now and not again: a setting is wrong, another exchange has the
# data, the records are not what they should be. Starting it once more would only repeat or hide that.
MUST_NOT_RUN: Final = frozenset({2, 3, 70})
# An engine could not begin now, because a database does not answer for instance, and may do so in a moment.
TRY_AGAIN: Final = 75
# An engine found another one at work on its database. Behind an engine that was killed this passes.
LED_BY_ANOTHER: Final = 76


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The commands of the two kinds of processes, how many gateways there are, and descriptors of this process."""

    engine: list[str]
    gateway: list[str]
    gateways: int
    listener: int
    lock: int
    url: str
    data_dir: str
    as_json: bool


def encode_plan(plan: Plan) -> str:
    """Return a plan as text."""
    return json.dumps(asdict(plan))


def decode_plan(text: str) -> Plan:
    """Return the plan of a text that `encode_plan` made."""
    return Plan(**json.loads(text))
