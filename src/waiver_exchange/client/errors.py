"""What can go wrong with a request: the exchange said no, no answer came, or it was not the exchange that answered."""

from collections.abc import Mapping

from waiver_exchange.client.refusal_codes import RefusalCode


class ClientError(Exception):
    """Any failure of a request; `attempts` says how often it was sent before it was given up."""

    attempts: int = 1


class ApiError(ClientError):
    """The exchange refused. Nothing was done, except after `outcome_is_unknown`, where it is not known.

    `code` is a `RefusalCode`, or the plain text of one that this version of the client does not know.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        details: Mapping[str, object] | None = None,
        status: int | None = None,
        request_id: str | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        """Keep what the answer said; over the WebSocket there is no status."""
        self.code: RefusalCode | str = RefusalCode(code) if code in _KNOWN else code
        self.message = message
        self.details = dict(details or {})
        self.status = status
        self.request_id = request_id
        self.retry_after_seconds = retry_after_seconds
        super().__init__(code, message)

    def __str__(self) -> str:
        details = ", ".join(f"{name} {value}" for name, value in self.details.items())
        return f"{self.code}: {self.message}" + (f" ({details})" if details else "")


class NoAnswerError(ClientError):
    """No answer came: no connection, a broken one, or too slow.

    `may_have_been_done` is False when the request certainly did not reach the exchange.
    """

    def __init__(self, message: str, *, may_have_been_done: bool) -> None:
        """Keep the sentence and what is known."""
        super().__init__(message)
        self.may_have_been_done = may_have_been_done


class UnexpectedAnswerError(ClientError):
    """Something answered that does not speak as the exchange does, such as a proxy before it."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        """Keep the sentence and the HTTP status, if there was one."""
        super().__init__(message)
        self.status = status


class FellBehindError(ClientError):
    """A subscription's reader was slower than its events, its queue overflowed, and it has ended."""


_KNOWN = frozenset(RefusalCode)
