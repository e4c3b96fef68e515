"""What the audit trail tells of: who came in, who was kept out, and what was done with authority.

Each is journaled by the command `RecordAudit` with the account that it is about, the account that did it (the actor;
0 is the host's command line or the service itself) and facts, which are ids and numbers and never personal data.
A number is stored in the journal and never changes its meaning; docs/audit.md lists them. The numbers of `RETIRED` were
given once and are given to nothing else.
"""

from enum import IntEnum
from typing import Final, Self


class AuditEvent(IntEnum):
    """A kind of audit event. `name` is its public name, `meaning` the sentence for people."""

    meaning: str

    def __new__(cls, number: int, meaning: str) -> Self:
        """Attach the sentence to the number."""
        member = int.__new__(cls, number)
        member._value_ = number
        member.meaning = meaning
        return member

    @classmethod
    def of(cls, number: int) -> "AuditEvent":
        """Return the member of a journaled number. Raises `KeyError`."""
        return _BY_NUMBER[number]

    signed_in = 1, "A person signed in and a session began."
    sign_in_failed = 2, "A sign-in did not succeed."
    signed_out = 3, "A session was ended by its owner."
    signed_out_everywhere = 4, "All sessions of an account were ended by their owner."
    session_revoked = 5, "A session was ended from another one, or by an operator."
    refresh_token_reused = 6, "A refresh token that was used up came back: its whole session was ended."
    authentication_failed = 7, "A key, token or cookie was presented that opens nothing."
    stepped_up = 8, "An operator confirmed with a passkey."
    step_up_failed = 9, "A confirmation with a passkey did not succeed."
    request_forged = 10, "A request that only a foreign page could have sent was kept out (CSRF, Origin)."
    sign_in_throttled = 11, "Sign-in was slowed down after too many failures."
    authorization_refused = 12, "Somebody known asked for what auditors or operators may do, and may not, or not yet."

    key_made = 20, "An API key was made."
    key_revoked = 21, "An API key was revoked."
    passkey_added = 22, "A passkey was added."
    passkey_removed = 23, "A passkey was removed."
    key_renamed = 24, "An API key was given another name."

    action_requested = 32, "An operator asked for an action, with a reason; it is not done yet."
    action_approved = 33, "Another operator approved an action."
    action_rejected = 34, "Another operator rejected an action, or its owner took it back."
    action_done = 35, "An action was carried out, or refused by the exchange; the outcome says which."

    account_opened = 40, "An account was opened at a first sign-in."
    invitation_made = 41, "An invitation was made."
    invitation_used = 42, "An invitation was used."
    invitation_revoked = 43, "An invitation was taken back."
    data_exported = 44, "A person's data was exported."
    person_erased = 45, "A person's data was erased; the trading facts stay under the account."
    account_viewed = 46, "An operator or auditor looked at what is kept of others; told once an hour for each."

    signing_key_rotated = 60, "A new key signs access tokens."
    data_key_rotated = 61, "A new key encrypts personal data."
    audit_key_rotated = 62, "A new key signs checkpoints."
    checkpoint_made = 63, "A checkpoint of the journal was verified and signed."
    audit_exported = 64, "Rows of the journal were exported for an auditor."
    master_key_changed = 65, "Another master key wraps the keys that encrypt personal data."


_BY_NUMBER: Final = {int(member): member for member in AuditEvent}

RETIRED: Final = frozenset({30, 31, 36, 37})

# Whoever keeps trying makes many of these in a second: they are counted (`application.audit.note_failure`).
FAILURES: Final = frozenset(
    {
        AuditEvent.sign_in_failed,
        AuditEvent.authentication_failed,
        AuditEvent.step_up_failed,
        AuditEvent.request_forged,
        AuditEvent.sign_in_throttled,
        AuditEvent.authorization_refused,
    }
)
