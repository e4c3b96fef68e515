"""What a use case raises when the answer is no."""

from waiver_exchange.domain.refusals import RefusalReason

Detail = str | int


class RefusedError(Exception):
    """The exchange refused; `reason` is stable, `details` helps the caller to do better."""

    def __init__(self, reason: RefusalReason, **details: Detail) -> None:
        """Keep the reason and its details."""
        super().__init__(f"{reason.name}: {reason.message}")
        self.reason = reason
        self.details = details
