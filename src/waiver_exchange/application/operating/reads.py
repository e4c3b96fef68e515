"""What is asked about the actions of operators: one of them, and pages of them."""

from typing import Final, Literal, NamedTuple, get_args

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.operating.decide import status_of
from waiver_exchange.projections.actions import PROPOSED, UNFINISHED, ActionView

Which = Literal["proposed", "unfinished", "all"]
WHICH: Final[tuple[Which, ...]] = get_args(Which)


class ActionsPage(NamedTuple):
    """Actions, newest first; `next_cursor` is None on the last page."""

    items: list[ActionView]
    next_cursor: int | None


async def list_actions(
    exchange: Exchange, *, which: Which = "all", before_sequence: int | None = None, limit: int
) -> ActionsPage:
    """Return up to `limit` actions, newest first: those that wait for a second operator, those cut short, or all.

    Raises `ReadModelError`.
    """
    wanted = limit + 1
    recent = {
        view.sequence: view
        for view in exchange.state.actions.values()
        if before_sequence is None or view.sequence < before_sequence
    }
    if which == "all":
        for view in await exchange.read_model.list_actions(before_sequence=before_sequence, limit=wanted):
            recent.setdefault(view.sequence, view)
    else:
        # Every open action is in memory.
        statuses = {PROPOSED} if which == "proposed" else UNFINISHED
        recent = {number: view for number, view in recent.items() if status_of(exchange, view) in statuses}
    items = [recent[number] for number in sorted(recent, reverse=True)[:wanted]]
    has_more = len(items) > limit
    return ActionsPage(items[:limit], items[limit - 1].sequence if has_more else None)
