"""Stable numbers of the journal: kinds of commands and events, and the terms of an order.

A row of the journal holds one command and its events as little-endian signed 64-bit words. The first word of a record
is its header, `kind | words << 8 | tail_bytes << 24`: `words` counts the header too, and a command may be followed by a
tail of UTF-8 text, padded with zero bytes to a multiple of eight. A number here never changes its meaning; a new layout
takes a new number.
"""

from typing import Final

HEADER_WORDS_SHIFT: Final = 8
HEADER_TAIL_SHIFT: Final = 24

# Commands. Words: 0 header, 1 time (UNIX nanoseconds), 2 account (0 where an operator acts), then as listed.
CONFIGURE_EXCHANGE: Final = 1  # the thirteen parameters of `ExchangeParameters`, in its order
OPEN_ACCOUNT: Final = 2  # no more words; tail: reference
DEPOSIT_CASH: Final = 3  # amount_micros; tail: reference
LIST_MARKET: Final = 4  # supply_units, reference_price_cents; tail: JSON of the player's facts
GRANT_SHARES: Final = 5  # market, quantity_units; tail: reference
ISSUE_SHARES: Final = 6  # market, quantity_units; tail: reference
HALT_MARKET: Final = 7  # market
RESUME_MARKET: Final = 8  # market
HALT_EXCHANGE: Final = 9
RESUME_EXCHANGE: Final = 10
HALT_ACCOUNT: Final = 11
RESUME_ACCOUNT: Final = 12
PLACE_ORDER: Final = 13  # market, terms, quantity, notional, price_cents, expires_at_ns; tail: client order id
CANCEL_ORDER: Final = 14  # order_id
EXPIRE_ORDER: Final = 15  # order_id
PLACE_STOP_ORDER: Final = 16  # market, terms, quantity, price_cents, expires_at_ns, stop_price_cents; tail as above
REPLACE_ORDER: Final = 17
# order_id, quantity, price_cents, stop_price_cents, expires_at_ns, time in force + 1 (0 keeps what is); tail: client
# order id of the new order
RECORD_AUDIT: Final = 18  # event, actor; tail: JSON of the facts
CORRECT_CASH: Final = 19  # amount_micros (below 0: to the house); tail: reference
CORRECT_SHARES: Final = 20  # market, quantity_units (below 0: to the house); tail: reference
BUST_TRADE: Final = 21  # trade_id, market, price_cents, quantity_units, buyer, seller, buyer_fee, seller_fee
SETTLE_MARKET: Final = 22  # market, price_cents
SET_ROLE: Final = 23  # role (ROLE_*); the account is word 2
SET_LIMITS: Final = 24
# scope (LIMITS_OF_*), number (the role or the account), the ten limits of `AccountLimits` in its order; word 2 is the
# account, 0 for a role
BEGIN_DAY: Final = 25  # ends_at_ns: when the trading day that begins is over
CLASSIFY_MARKET: Final = 26  # market, team, position: numbers of `fantasy.classes`, 0 for none
SET_MARKET_BAND: Final = 27  # market, band_bps (-1 = the exchange's, 0 = off)

# Events. Words: 0 header, then as listed. Sequence and time are those of the row. Balances and holdings are absolute.
EXCHANGE_CONFIGURED: Final = 1  # the thirteen parameters
ACCOUNT_OPENED: Final = 2  # account
CASH_DEPOSITED: Final = 3  # account, amount_micros
CASH_CHANGED: Final = 4  # account, cash_micros, held_micros
MARKET_LISTED: Final = 5  # market, supply_units, reference_price_cents
SHARES_ISSUED: Final = 6  # market, quantity_units, supply_units
SHARES_GRANTED: Final = 7  # account, market, quantity_units
HOLDING_CHANGED: Final = 8  # account, market, quantity_units, held_units, cost_micros, realized_micros
MARKET_HALTED: Final = 9  # market, cause (HALT_BY_*), until (UNIX ns; 0 = until resumed)
MARKET_RESUMED: Final = 10  # market
EXCHANGE_HALTED: Final = 11
EXCHANGE_RESUMED: Final = 12
ACCOUNT_HALTED: Final = 13  # account
ACCOUNT_RESUMED: Final = 14  # account
ORDER_ACCEPTED: Final = 15  # order_id, account, market, terms, quantity, notional, price (limit or collar), expires_at
ORDER_DENIED: Final = 16  # reason, required, available: stopped by risk before the book, no order exists
ORDER_REJECTED: Final = 17  # the eight words of ORDER_ACCEPTED, reason: refused by the book
COMMAND_REFUSED: Final = 18  # reason, required, available: any command but an order
TRADE_EXECUTED: Final = 19
# trade_id, market, price, quantity, maker_order, taker_order, maker_account, taker_account, maker_fee, taker_fee,
# taker_side
ORDER_PARTIALLY_FILLED: Final = 20  # order_id, account, remaining_units (0 for an order by notional)
ORDER_FILLED: Final = 21  # order_id, account
ORDER_CANCELLED: Final = 22  # order_id, account, market, remaining_units, reason (CancelReason)
ORDER_EXPIRED: Final = 23  # order_id, account, market, remaining_units
BOOK_LEVEL_CHANGED: Final = 24  # market, side, price_cents, quantity_units (0 = level gone), book_sequence
STOP_ORDER_ACCEPTED: Final = 25
# order_id, account, market, terms, quantity, price (the limit of a stop_limit, else 0), expires_at, stop_price
ORDER_TRIGGERED: Final = 26  # order_id, account, price (the limit that it is worked with now)
ORDER_REPLACED: Final = 27  # order_id, account, market, new_order_id, remaining_units (of the old order)
AUDIT_RECORDED: Final = 28  # account, event, actor; the facts are the command's
CASH_CORRECTED: Final = 29  # account, amount_micros: from the house, below 0 to it
SHARES_CORRECTED: Final = 30  # account, market, quantity_units: from the house, below 0 to it
TRADE_BUSTED: Final = 31  # trade_id, market, price, quantity, buyer, seller, buyer_fee, seller_fee
MARKET_SETTLED: Final = 32  # market, price, quantity_units (all that others than the house had), paid_micros
SHARES_SETTLED: Final = 33  # account, market, quantity_units, price: all its shares went to the house for cash
ROLE_CHANGED: Final = 38  # account, role
LIMITS_CHANGED: Final = 39  # scope, number, the ten limits
DAY_BEGUN: Final = 40  # ends_at_ns
MARKET_CLASSIFIED: Final = 41  # market, team, position
MARKET_BAND_CHANGED: Final = 42  # market, band_bps

# What an account is to the exchange; what each role may do is written in `application.authority`.
ROLE_TRADER: Final = 0
ROLE_OPERATOR: Final = 1
ROLE_AUDITOR: Final = 2
ROLE_SERVICE: Final = 3

# Whose limits: those of every account of a role, or those of one account.
LIMITS_OF_ROLE: Final = 0
LIMITS_OF_ACCOUNT: Final = 1

HALT_BY_OPERATOR: Final = 1
HALT_BY_CIRCUIT_BREAKER: Final = 2
HALT_BY_SETTLEMENT: Final = 3  # for ever

# Terms of an order, packed into one word: side | type << 4 | time in force << 8 | self-trade << 12 | post only << 16.
BUY: Final = 0
SELL: Final = 1
LIMIT: Final = 0
MARKET: Final = 1
STOP: Final = 2
STOP_LIMIT: Final = 3
GTC: Final = 0
DAY: Final = 1
GTD: Final = 2
IOC: Final = 3
FOK: Final = 4
CANCEL_NEWEST: Final = 0
CANCEL_OLDEST: Final = 1
CANCEL_BOTH: Final = 2
TYPE_SHIFT: Final = 4
TIME_IN_FORCE_SHIFT: Final = 8
SELF_TRADE_SHIFT: Final = 12
POST_ONLY_SHIFT: Final = 16
TERMS_FIELD_MASK: Final = 15

OPERATOR: Final = 0
HOUSE_ACCOUNT: Final = 1
