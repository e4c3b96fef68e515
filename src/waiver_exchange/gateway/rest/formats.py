"""The forms of text in answers, as types: what a field may look like stands in the OpenAPI document from here."""

from collections.abc import Iterable
from typing import Annotated, get_args

from msgspec import Meta

from waiver_exchange.application.place_order import SELF_TRADE_PREVENTIONS, SIDES, TIMES_IN_FORCE, TYPES
from waiver_exchange.domain.refusals import CancelReason, RefusalReason
from waiver_exchange.projections.state import OrderStatus as _Status


def _pattern(pattern: str, *examples: str) -> Meta:
    return Meta(extra_json_schema={"pattern": pattern, "examples": list(examples)})


def one_of(words: Iterable[str]) -> Meta:
    """Return what says that a text is one of some words."""
    return Meta(extra_json_schema={"enum": list(words)})


Money = Annotated[str, _pattern(r"^-?[0-9]+\.[0-9]{2,6}$", "10000.00", "0.000001")]
Price = Annotated[str, _pattern(r"^[0-9]+\.[0-9]{2}$", "25.00")]
SignedPrice = Annotated[str, _pattern(r"^-?[0-9]+\.[0-9]{2}$", "-0.25")]
AveragePrice = Annotated[str, _pattern(r"^-?[0-9]+\.[0-9]{2,6}$", "25.001234")]
Quantity = Annotated[str, _pattern(r"^-?[0-9]+(\.[0-9]{1,4})?$", "2.5")]
Percent = Annotated[str, _pattern(r"^-?[0-9]+\.[0-9]{2}$", "-1.25")]
Time = Annotated[str, Meta(extra_json_schema={"format": "date-time", "examples": ["2026-09-07T00:20:00.000000000Z"]})]
Id = Annotated[str, Meta(extra_json_schema={"format": "uuid"})]
Hash = Annotated[str, _pattern("^[0-9a-f]{64}$", "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9")]
Symbol = Annotated[str, _pattern(r"^[A-Z0-9][A-Z0-9.]{0,19}$", "MAHOMES")]
Side = Annotated[str, one_of(SIDES)]
OrderType = Annotated[str, one_of(TYPES)]
TimeInForce = Annotated[str, one_of(TIMES_IN_FORCE)]
SelfTradePrevention = Annotated[str, one_of(SELF_TRADE_PREVENTIONS)]
OrderStatus = Annotated[str, one_of(get_args(_Status))]
Reason = Annotated[str, one_of([*(reason.name for reason in CancelReason), *(reason.name for reason in RefusalReason)])]
Halt = Annotated[str, one_of(["open", "halted"])]
MarketStatus = Annotated[str, one_of(["open", "halted", "settled"])]
Liquidity = Annotated[str, one_of(["maker", "taker"])]
