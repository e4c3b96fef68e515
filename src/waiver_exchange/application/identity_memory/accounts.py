"""Names, keys and limits of accounts in memory."""

from collections.abc import Iterable
from dataclasses import replace

from waiver_exchange.application.identity_changes import (
    AccountKept,
    IdentityChange,
    KeyGone,
    KeyKept,
    PersonErased,
    RatesKept,
)
from waiver_exchange.application.identity_memory.uses import KeyUse
from waiver_exchange.application.ports import ApiKey, RequestRates


class KnownAccounts:
    """The reading half of an `IdentityStore`."""

    def __init__(self) -> None:
        """Know nobody."""
        self._names: dict[int, str] = {}
        self._opened_at_ns: dict[int, int] = {}
        self._numbers: dict[str, int] = {}
        self._keys: dict[str, ApiKey] = {}
        self._keys_of: dict[int, dict[str, None]] = {}
        self._rates: dict[int, RequestRates] = {}
        self._uses: dict[str, int] = {}

    def find_key(self, key_id: str) -> ApiKey | None:
        """Return a key that may be used, from memory; its last use is that of the store."""
        key = self._keys.get(key_id)
        return key if key is not None and not key.revoked_at_ns else None

    def list_keys(self, account: int) -> list[ApiKey]:
        """Return an account's keys with their last uses, also the revoked ones, oldest first, from memory."""
        return [self._with_use(key_id) for key_id in self._keys_of.get(account, ())]

    def find_rates(self, account: int) -> RequestRates | None:
        """Return an account's own limits, from memory."""
        return self._rates.get(account)

    def find_name(self, account: int) -> str | None:
        """Return an account's name, from memory."""
        return self._names.get(account)

    def list_accounts(self) -> Iterable[tuple[int, int]]:
        """Return every account with the journal's time (UNIX nanoseconds) at which it was opened, from memory."""
        return self._opened_at_ns.items()

    def find_account(self, name: str) -> int | None:
        """Return the first account of a name, from memory."""
        return self._numbers.get(name)

    def note_use(self, key_id: str, *, at_ns: int) -> None:
        """Remember in memory that a key was used."""
        self._uses[key_id] = at_ns

    def note_uses(self, uses: Iterable[KeyUse]) -> None:
        """Remember uses that were noted elsewhere, unless a later one is known."""
        for key_id, at_ns in uses:
            if key_id in self._keys and self._with_use(key_id).last_used_at_ns < at_ns:
                self._uses[key_id] = at_ns

    def take_uses(self) -> list[KeyUse]:
        """Return the uses noted since the last time, of the keys that are known, and take them over."""
        uses, self._uses = self._uses, {}
        known = [KeyUse(key_id, at_ns) for key_id, at_ns in uses.items() if key_id in self._keys]
        for key_id, at_ns in known:
            self._keys[key_id] = replace(self._keys[key_id], last_used_at_ns=at_ns)
        return known

    def apply(self, change: IdentityChange) -> None:
        """Take over a change of a name, a key or limits."""
        match change:
            case KeyKept(key=key):
                self._keys[key.key_id] = key
                self._keys_of.setdefault(key.account, {})[key.key_id] = None
            case KeyGone(key_id=key_id):
                self._drop_key(key_id)
            case AccountKept(account=account, name=name):
                self._opened_at_ns[account] = change.opened_at_ns
                self._name(account, name)
            case RatesKept(account=account, rates=rates):
                self._rates[account] = rates
            case PersonErased(erasure=erasure):
                self._forget(erasure.account)

    def dump(self) -> Iterable[IdentityChange]:
        """Return what there is, as the changes that lead to it."""
        for account, opened_at_ns in self._opened_at_ns.items():
            yield AccountKept(account=account, name=self._names.get(account), opened_at_ns=opened_at_ns)
        for key in self._keys.values():
            yield KeyKept(key=key)
        for account, rates in self._rates.items():
            yield RatesKept(account=account, rates=rates)

    def _with_use(self, key_id: str) -> ApiKey:
        key = self._keys[key_id]
        used_at_ns = self._uses.get(key_id)
        return key if used_at_ns is None else replace(key, last_used_at_ns=used_at_ns)

    def _name(self, account: int, name: str | None) -> None:
        """Give an account its name; of several with one name the lowest number counts."""
        before = self._names.pop(account, None)
        if before is not None and self._numbers.get(before) == account:
            del self._numbers[before]
            heirs = [other for other, known in self._names.items() if known == before]
            if heirs:
                self._numbers[before] = min(heirs)
        if name is not None:
            self._names[account] = name
            self._numbers[name] = min(account, self._numbers.get(name, account))

    def _forget(self, account: int) -> None:
        """Forget whose an account is; when it was opened stays."""
        self._name(account, None)
        for key_id in list(self._keys_of.get(account, ())):
            self._drop_key(key_id)
        self._rates.pop(account, None)

    def _drop_key(self, key_id: str) -> None:
        key = self._keys.pop(key_id, None)
        self._uses.pop(key_id, None)
        if key is not None:
            own = self._keys_of[key.account]
            del own[key_id]
            if not own:
                del self._keys_of[key.account]
