"""What an admin action is: its name in the journal, its parameters, and the use case behind it."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple

from waiver_exchange.application.audit_facts import Fact
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.domain.commands import Command

NOTHING: Final[Mapping[str, Fact]] = {}


class Doing(NamedTuple):
    """Under which id an action is carried out, and for whom: an account, or 0 for the host's command line."""

    action_id: str
    actor: int

    @property
    def reference(self) -> str:
        """The reference of what carries one and was given none: done again it is the same deposit, grant or issue."""
        return f"action {self.action_id}"


def always(_: Exchange, __: object) -> bool:
    """Say that an action matters whatever its parameters are."""
    return True


class Ran(NamedTuple):
    """What came of an action: facts for the journal, and what is told once and kept nowhere, such as a new secret."""

    facts: Mapping[str, Fact] = NOTHING
    told: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One line of the table. `parameters` is a frozen dataclass of ids, numbers and texts, none of them personal.

    An action that `gives` always needs a second operator when one gives to his own account; which others do, the
    configuration says (`four_eyes`), as far as the action `matters` with these parameters. What is to be done `at_once`
    waits for nobody and overtakes, right behind the row that asks for it, all commands that wait. The fields in
    `unkept` never reach the journal (a name, a text), so it alone cannot finish what a stop cut short. A field that is
    None was not given and is left out.
    """

    name: str
    parameters: type[Any]
    run: Callable[[Exchange, Any, Doing], Awaitable[Ran]]
    gives: bool = False
    matters: Callable[[Exchange, Any], bool] = always
    at_once: Command | None = None
    unkept: frozenset[str] = frozenset()

    def facts_of(self, parameters: object) -> dict[str, Fact]:
        """Return the parameters as the journal keeps them."""
        given: dict[str, Fact] = asdict(parameters)  # type: ignore[call-overload]  # every one is a dataclass
        return {name: value for name, value in given.items() if name not in self.unkept and value is not None}

    def account_of(self, parameters: object) -> int:
        """Return the account that the action is about, 0 for none."""
        account: int = getattr(parameters, "account", 0)
        return account

    def restore(self, text: str) -> object:
        """Return the parameters of what the journal kept of them."""
        return self.parameters(**json.loads(text))
