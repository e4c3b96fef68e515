"""The key of a command that carries an id of its own: what makes a repetition recognisable for ever.

A key is the 16-byte BLAKE2b digest of what the id belongs to and the id itself. The journal holds it, unique.
"""

from hashlib import blake2b
from typing import Final

from waiver_exchange.application.encoded_command import Submittable, encode_submitted
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import (
    BustTrade,
    CommandRecord,
    CorrectCash,
    CorrectShares,
    DepositCash,
    GrantShares,
    IssueShares,
    OpenAccount,
    PlaceOrder,
    PlaceStopOrder,
    ReplaceOrder,
    SettleMarket,
    decode_command,
)
from waiver_exchange.domain.refusals import RefusalReason

KEY_BYTES: Final = 16
_TERMS_WORD: Final = 4
_NEW_TIME_IN_FORCE_WORD: Final = 8
_ORDERS: Final = frozenset({codes.PLACE_ORDER, codes.PLACE_STOP_ORDER, codes.REPLACE_ORDER})
# Where the records of orders hold their expiry.
_EXPIRY_WORDS: Final = {codes.PLACE_ORDER: 8, codes.PLACE_STOP_ORDER: 7, codes.REPLACE_ORDER: 7}


def order_key(account: int, client_order_id: str) -> bytes:
    """Return the key of an account's client order id."""
    return blake2b(b"order\0%d\0" % account + client_order_id.encode(), digest_size=KEY_BYTES).digest()


def reference_key(purpose: str, owner: int, reference: str) -> bytes:
    """Return the key of a reference for one purpose (`deposit`, `account`, ...) and account or market, or 0."""
    text = f"{purpose}\0{owner}\0{reference}"
    return blake2b(text.encode(), digest_size=KEY_BYTES).digest()


def symbol_key(symbol: str) -> bytes:
    """Return the key of a listing."""
    return blake2b(b"symbol\0" + symbol.encode(), digest_size=KEY_BYTES).digest()


def audit_key(event: int, reference: str) -> bytes:
    """Return the key of an audit event that happens once for a reference, such as the approval of an action's id.

    It goes with the submission of a `RecordAudit`, whose own fields say nothing of repetitions.
    """
    return reference_key("audit", event, reference)


def end_key(kind: str, own_id: str) -> bytes:
    """Return the key of the one row that tells of the end of a thing of a kind (`session`, `api_key`)."""
    return reference_key(f"end_of_{kind}", 0, own_id)


def class_key(market: int) -> bytes:
    """Return the key of a market's classification, which happens once."""
    return blake2b(b"class\0%d" % market, digest_size=KEY_BYTES).digest()


def key_of(command: Submittable) -> bytes | None:
    """Return the key of a command, or None when it carries no id.

    The key of a listing, of an audit event or of an encoded command is the caller's to give.
    """
    match command:
        case PlaceOrder() | PlaceStopOrder() | ReplaceOrder():
            return order_key(command.account, command.client_order_id) if command.client_order_id else None
        case OpenAccount(reference=reference) if reference:
            return reference_key("account", 0, reference)
        case DepositCash(account=account, reference=reference) if reference:
            return reference_key("deposit", account, reference)
        case GrantShares(account=account, reference=reference) if reference:
            return reference_key("grant", account, reference)
        case IssueShares(market=market, reference=reference) if reference:
            return reference_key("issue", market, reference)
        case CorrectCash(account=account, reference=reference) if reference:
            return reference_key("correct_cash", account, reference)
        case CorrectShares(account=account, reference=reference) if reference:
            return reference_key("correct_shares", account, reference)
        # By their nature these happen once.
        case BustTrade(trade_id=trade_id):
            return reference_key("bust", 0, str(trade_id))
        case SettleMarket(market=market):
            return reference_key("settle", market, "")
    return None


def refusal_of_repetition(command: Submittable, record: bytes) -> RefusalReason | None:
    """Return None when a journaled record is the same command, else why the id cannot be used again."""
    first = decode_command(record)
    second = decode_command(encode_submitted(command, time_ns=first.time_ns))
    if _content_of(first) == _content_of(second):
        return None
    if second.kind in _ORDERS:
        return RefusalReason.client_order_id_used_with_other_content
    if second.kind == codes.LIST_MARKET:
        return RefusalReason.symbol_already_listed
    if second.kind == codes.SETTLE_MARKET:
        return RefusalReason.market_is_settled
    return RefusalReason.reference_used_with_other_content


def _content_of(record: CommandRecord) -> tuple[tuple[int, ...], str]:
    """Return what the sender said: a day order's expiry comes from the day it was sent on instead."""
    words = record.words
    computed = _EXPIRY_WORDS.get(record.kind)
    if computed is not None and _is_of_the_day(record):
        words = words[:computed] + words[computed + 1 :]
    return words, record.tail


def _is_of_the_day(record: CommandRecord) -> bool:
    if record.kind == codes.REPLACE_ORDER:
        return record.words[_NEW_TIME_IN_FORCE_WORD] == codes.DAY + 1
    time_in_force = record.words[_TERMS_WORD] >> codes.TIME_IN_FORCE_SHIFT & codes.TERMS_FIELD_MASK
    return time_in_force == codes.DAY
