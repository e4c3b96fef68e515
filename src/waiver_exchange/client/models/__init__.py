"""What the exchange answers, as frozen structs: money, prices and quantities are `Decimal`, times are `Timestamp`.

A field that is unknown here is ignored, so an older client reads a newer exchange.
"""
