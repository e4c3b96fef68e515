"""Who looked at what is kept of others: journaled before it is shown."""

from typing import Literal

from waiver_exchange.application import audit
from waiver_exchange.application.access import Caller
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.domain.audit_events import AuditEvent

Viewed = Literal["file", "notes", "names"]


async def record_view(exchange: Exchange, caller: Caller, *, what: Viewed, account: int = 0) -> None:
    """Journal that a caller looks at an account's file or notes, or (account 0) through the names of all.

    The same caller, account and kind are one row an hour, however often he looks: who walks through all accounts shows,
    and who keeps a page open fills nothing. Raises `RefusedError` when it cannot be journaled; then it is not shown.
    """
    await audit.record_hourly(
        exchange,
        AuditEvent.account_viewed,
        what=f"{what} {caller.credential}",
        account=account,
        actor=caller.account,
        facts={"credential": caller.credential, "what": what},
    )
