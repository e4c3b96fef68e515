"""The audit trail, as auditors see it."""

from dataclasses import replace
from heapq import merge
from itertools import islice
from operator import attrgetter
from typing import Final, NamedTuple

from waiver_exchange.application.queries.reads import PAGE_ITEMS_MAX, Reads
from waiver_exchange.application.selections import AuditSelection
from waiver_exchange.projections.audit_trail import AuditView

_sequence: Final = attrgetter("sequence")


class AuditPage(NamedTuple):
    """Audit events; `next_cursor` is None on the last page."""

    items: list[AuditView]
    next_cursor: int | None


class AuditReads(Reads):
    """Reads of the audit trail."""

    async def audit_page(self, selection: AuditSelection, *, cursor: int | None, limit: int) -> AuditPage:
        """Return audit events, newest first or ascending; `cursor` is the `next_cursor` of the page before."""
        if cursor is not None:
            is_ascending = selection.is_ascending
            selection = replace(
                selection,
                before_sequence=None if is_ascending else cursor,
                after_sequence=cursor if is_ascending else None,
            )
        limit = min(limit, PAGE_ITEMS_MAX)
        # What is in memory is taken before the store is asked: it may be confirmed, and dropped, meanwhile.
        recent = list(self._state.audit)
        fresh = [event for event in recent if selection.includes(event)]
        kept = await self._store.list_audit(selection, limit=limit + 1)
        known = {event.sequence for event in kept}
        own = [event for event in fresh if event.sequence not in known]
        ordered = own if selection.is_ascending else own[::-1]
        found = list(islice(merge(ordered, kept, key=_sequence, reverse=not selection.is_ascending), limit + 1))
        return AuditPage(found[:limit], found[limit - 1].sequence if len(found) > limit else None)
