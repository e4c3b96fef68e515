"""Bounds that keep every product of the engine inside 63 bits; checked at admission, never inside settlement."""

from typing import Final

# A price ladder has four radix levels of 32 ways, so prices run from 1 cent to 2**20 - 2 cents ($10,485.74).
PRICE_CENTS_MAX: Final = 1_048_574
# quantity**2 is formed when the cost of a part of a holding is split exactly: (3e9)**2 < 2**63.
QUANTITY_UNITS_MAX: Final = 3_000_000_000
# value * basis points is formed for fees: 9e14 * 1e4 < 2**63.
ORDER_VALUE_MICROS_MAX: Final = 900_000_000_000_000
FEE_BPS_MAX: Final = 1_000
# Total cash ever issued; a balance can never exceed it.
CASH_MICROS_MAX: Final = 4_000_000_000_000_000_000
BPS: Final = 10_000
# What an account is worth is counted up to here, so that a sum or difference of two such counts fits 63 bits.
WORTH_MICROS_MAX: Final = 4_611_686_018_427_387_903
# Limits of orders per second, and of a burst: a billion nanoseconds are divided by the one, times the other.
ORDERS_PER_SECOND_MAX: Final = 1_000_000
# Teams and playing positions are numbered up to here.
CLASS_MAX: Final = 65_535
# A trading day has 25 hours when the clocks go back.
TRADING_DAY_NS_MAX: Final = 172_800_000_000_000
# Rows of the order table: an order id is serial << ORDER_ROW_BITS | row.
ORDER_ROW_BITS: Final = 28
ORDER_ROWS_MAX: Final = 268_435_455
NANOSECONDS_PER_SECOND: Final = 1_000_000_000
UNITS_PER_SHARE: Final = 10_000

CLIENT_ORDER_ID_LENGTH_MAX: Final = 128
REFERENCE_LENGTH_MAX: Final = 200
ACCOUNT_NAME_LENGTH_MAX: Final = 100
SYMBOL_LENGTH_MAX: Final = 20
# Ten years: a time (UNIX nanoseconds) plus a duration stays inside 63 bits until the year 2250.
DURATION_NS_MAX: Final = 315_360_000_000_000_000
