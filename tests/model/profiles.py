"""Parameter sets of a workload: each makes other rules bite."""

from random import Random

from waiver_exchange.domain.commands import ConfigureExchange, ExchangeParameters

_SECOND_NS = 1_000_000_000
_DAY_NS = 86_400 * _SECOND_NS


def draw_parameters(random: Random) -> ConfigureExchange:
    """Return a sound configuration; each limit is off, wide or tight."""
    lifetime_ns_default = random.choice((1, 5 * _SECOND_NS, 600 * _SECOND_NS, 7 * _DAY_NS, 7 * _DAY_NS))
    parameters = ExchangeParameters(
        maker_fee_bps=random.choice((0, 0, 1, 10, 25, 1_000)),
        taker_fee_bps=random.choice((0, 0, 3, 10, 30, 1_000)),
        collar_bps=random.choice((1, 100, 500, 500, 9_999)),
        band_bps=random.choice((0, 300, 3_000, 3_000, 9_999)),
        breaker_bps=random.choice((0, 150, 150, 400, 400, 5_000, 100_000)),
        breaker_window_ns=random.choice((0, _SECOND_NS, 300 * _SECOND_NS)),
        breaker_halt_ns=random.choice((0, 1, 300 * _SECOND_NS)),
        order_value_micros_max=random.choice((10**9, 10**12, 10**12, 900_000_000_000_000)),
        position_units_max=random.choice((0, 0, 1_000_000, 100_000_000)),
        open_orders_max=random.choice((6, 40, 10_000, 10_000)),
        orders_per_second_max=random.choice((0, 0, 0, 20, 200)),
        lifetime_ns_default=lifetime_ns_default,
        lifetime_ns_max=max(lifetime_ns_default, random.choice((3_600 * _SECOND_NS, 30 * _DAY_NS))),
    )
    return ConfigureExchange(parameters=parameters)
