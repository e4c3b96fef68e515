"""What Alpaca has and a market of players' shares has not; whoever asks is told so, not only that there is no route."""

from typing import Final

# By how a path begins; the first that fits is said.
_MISSING: Final = (
    ("/v2/options", "options are not traded on this exchange"),
    ("/v1beta1/options", "options are not traded on this exchange"),
    ("/v2/wallets", "this exchange has no crypto wallets: it knows play money only"),
    ("/v2/tokenization", "this exchange has no tokenization"),
    ("/v1/locates", "shares cannot be sold short on this exchange"),
    ("/v2/corporate_actions", "there are no corporate actions on this exchange"),
    ("/v1/corporate-actions", "there are no corporate actions on this exchange"),
    ("/v1beta1/corporate-actions", "there are no corporate actions on this exchange"),
    ("/v1/accounts", "this exchange has no broker API"),
    ("/v3/clock", "use /v2/clock"),
    ("/v3/calendar", "use /v2/calendar"),
    ("/v2beta1/events", "this exchange has no server-sent events; use the stream"),
    ("/v1beta1/news", "this exchange has no news"),
    ("/v1beta1/forex", "this exchange has no forex"),
    ("/v1beta1/fixed_income", "this exchange has no fixed income"),
    ("/v1beta1/logos", "this exchange has no logos"),
)


def reason_of(path: str) -> str:
    """Return why there is nothing under a path."""
    named = f"/{path.lstrip('/')}"
    return next((reason for start, reason in _MISSING if named.startswith(start)), "endpoint not found")
