"""What it takes to protect personal data and to forget it, as protocols that the identity store implements.

Every changing method raises `IdentityError` when it cannot be stored.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol


class DataKeyStatus(NamedTuple):
    """How far the encryption is: the newest data key, when it was made, and what older keys still seal.

    `keys` are the numbers of all data keys that are kept; `stale_values` counts values under older ones.
    """

    current: int
    created_at_ns: int
    keys: tuple[int, ...]
    values: int
    stale_values: int


class DataKeyStore(Protocol):
    """The keys that encrypt personal data. Values that older keys seal are sealed anew little by little."""

    async def rotate_data_key(self) -> int:
        """Make a new data key, seal with it from now on, and return its number."""

    async def reseal_some(self) -> bool:
        """Seal some older values with the newest key; return whether there may be more.

        With the last of them the older keys are destroyed. What a crash cuts short is gone on with by the next call.
        """

    async def data_key_status(self) -> DataKeyStatus:
        """Return how far it is, counted."""

    async def rewrap_data_keys(self, new_master_key: bytes) -> int:
        """Wrap all keys with another master key, which is needed from the next start on; return how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """An account whose person is being erased or was: `finished_at_ns` is 0 until everything is gone.

    `was_frozen`: an operator had frozen the account, and the person does not come back as somebody new.
    """

    account: int
    person_id: str
    started_at_ns: int
    finished_at_ns: int = 0
    was_frozen: bool = False


class ErasureStore(Protocol):
    """Who has to be forgotten, so that it is brought to its end whatever happens."""

    async def begin_erasure(self, account: int, *, person_id: str, at_ns: int, was_frozen: bool) -> Erasure:
        """Keep that the person of an account (empty for nobody) has to be forgotten; again returns the first."""

    async def remove_person(self, account: int) -> None:
        """Remove every row about the person of an account, and every trace of it from the files.

        Of the logins a keyed hash stays, so that one that comes back is known as a forgotten one.
        """

    async def finish_erasure(self, account: int, *, at_ns: int) -> Erasure:
        """Keep that nothing is left; the same again returns the first."""

    def find_erasure(self, account: int) -> Erasure | None:
        """Return the erasure of an account, finished or not, from memory."""

    def list_erasures(self) -> list[Erasure]:
        """Return all erasures in the order of their beginning, from memory."""
