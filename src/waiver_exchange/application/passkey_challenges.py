"""What a passkey has to sign: each challenge is drawn for one session and purpose, good once and for five minutes."""

from enum import Enum, auto
from typing import Final, NamedTuple

from waiver_exchange.domain.limits import NANOSECONDS_PER_SECOND

CHALLENGE_SECONDS: Final = 300
CHALLENGE_BYTES: Final = 32
_CHALLENGES_MAX: Final = 10_000


class Purpose(Enum):
    """What a challenge is signed for."""

    registration = auto()
    step_up = auto()


class _Challenge(NamedTuple):
    value: bytes
    expires_at_ns: int


class Challenges:
    """The challenges that nobody has answered yet, in memory: after a restart people ask for new ones."""

    def __init__(self) -> None:
        """Begin without any."""
        self._waiting: dict[tuple[str, Purpose], _Challenge] = {}

    def give(self, session_id: str, purpose: Purpose, *, challenge: bytes, now_ns: int) -> None:
        """Await the answer to a new challenge; an older one of the same session and purpose is void."""
        self._waiting.pop((session_id, purpose), None)
        if len(self._waiting) >= _CHALLENGES_MAX:
            self._waiting.pop(next(iter(self._waiting)))  # the oldest
        expires_at_ns = now_ns + CHALLENGE_SECONDS * NANOSECONDS_PER_SECOND
        self._waiting[session_id, purpose] = _Challenge(challenge, expires_at_ns)

    def take(self, session_id: str, purpose: Purpose, *, now_ns: int) -> bytes | None:
        """Return the challenge that a session has to answer, which is spent now; None when there is no good one."""
        found = self._waiting.pop((session_id, purpose), None)
        return found.value if found is not None and now_ns < found.expires_at_ns else None
