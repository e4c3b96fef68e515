"""The audit trail as it is read: one row for each event that the journal records."""

from typing import NamedTuple


class AuditView(NamedTuple):
    """An audit event; `event` is a number of `AuditEvent`, `facts` the JSON text that was recorded.

    `account` is whom it is about and `actor` the account that did it; 0 for nobody and for the host or the service.
    """

    sequence: int
    time_ns: int
    event: int
    account: int
    actor: int
    facts: str
