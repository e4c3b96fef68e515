"""Flags and environment into settings; a wrong value names what is wrong."""

from dataclasses import fields
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from waiver_exchange.cli.failures import EXIT_USAGE, CommandFailedError
from waiver_exchange.cli.settings import (
    PARAMETERS,
    Flags,
    read_parameters,
    read_settings,
    unknown_variables,
)
from waiver_exchange.config import Settings
from waiver_exchange.domain.commands import ExchangeParameters

WRONG = {
    "WAIVER_PORT": ["70000", "-1", "http", "8081.0", "٣", "1" * 400],
    "WAIVER_TIME_ZONE": ["Mars/Olympus", "../etc/passwd", "/etc/localtime", "a" * 5_000],
    "WAIVER_SNAPSHOT_ROWS": ["0", "many"],
    "WAIVER_MAKER_FEE_BPS": ["1001", "-1", "1.5"],
    "WAIVER_TAKER_FEE_BPS": ["1001"],
    "WAIVER_COLLAR_BPS": ["0", "10000"],
    "WAIVER_BAND_BPS": ["10000"],
    "WAIVER_BREAKER_BPS": ["100001"],
    "WAIVER_BREAKER_WINDOW_SECONDS": ["-1", "1e3", "99999999999", "0.0000001"],
    "WAIVER_BREAKER_HALT_SECONDS": ["soon"],
    "WAIVER_ORDER_VALUE_DOLLARS_MAX": ["0", "900000001", "$5"],
    "WAIVER_POSITION_SHARES_MAX": ["-1", "0.00001"],
    "WAIVER_OPEN_ORDERS_MAX": ["0"],
    "WAIVER_ORDERS_PER_SECOND_MAX": ["x"],
    "WAIVER_LIFETIME_DAYS_DEFAULT": ["0", "forever"],
    "WAIVER_LIFETIME_DAYS_MAX": ["4000"],
}


def test_nothing_given_leaves_the_defaults() -> None:
    assert read_settings({}, Flags()) == Settings(data_dir=Path("data"))
    assert read_parameters({}) == {}


def test_environment_is_read() -> None:
    environment = {
        "WAIVER_HOST": "0.0.0.0",  # noqa: S104 - text only
        "WAIVER_PORT": "9000",
        "WAIVER_DATA_DIR": "somewhere",
        "WAIVER_TIME_ZONE": "Europe/Berlin",
        "WAIVER_SNAPSHOT_ROWS": "5000",
    }
    settings = read_settings(environment, Flags())
    assert (settings.host, settings.port) == ("0.0.0.0", 9000)  # noqa: S104 - text only
    assert settings.data_dir == Path("somewhere")
    assert (settings.zone, settings.snapshot_rows) == (ZoneInfo("Europe/Berlin"), 5000)


def test_flags_go_before_the_environment() -> None:
    environment = {"WAIVER_HOST": "10.0.0.1", "WAIVER_PORT": "x", "WAIVER_DATA_DIR": "there"}
    settings = read_settings(environment, Flags(data_dir="here", host="::1", port="0", is_demo=True))
    assert (settings.data_dir, settings.host, settings.port, settings.is_demo) == (Path("here"), "::1", 0, True)


def test_an_empty_variable_counts_as_unset() -> None:
    assert read_settings({"WAIVER_PORT": "", "WAIVER_DATA_DIR": ""}, Flags()) == Settings(data_dir=Path("data"))


@pytest.mark.parametrize(("variable", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_wrong_value_names_its_variable(variable: str, value: str) -> None:
    read = read_parameters if variable in PARAMETERS else lambda environment: read_settings(environment, Flags())
    with pytest.raises(CommandFailedError, match=f"^{variable} must be ") as raised:
        read({variable: value})
    assert raised.value.exit_code == EXIT_USAGE
    assert len(raised.value.message) < 300


def test_what_may_hold_a_password_is_not_repeated_when_it_is_wrong() -> None:
    with pytest.raises(CommandFailedError, match=r"^WAIVER_REDIS_URL must be ") as raised:
        read_settings({"WAIVER_REDIS_URL": "http://user:hush@localhost"}, Flags())
    assert "hush" not in raised.value.message
    assert "hush" not in repr(read_settings({"WAIVER_REDIS_URL": "redis://user:hush@localhost"}, Flags()))
    named = read_settings({"WAIVER_REDIS_URL_FILE": "/run/redis_url"}, Flags())
    assert named.secrets.given == {"WAIVER_REDIS_URL_FILE": "/run/redis_url"}


def test_a_wrong_flag_is_named() -> None:
    with pytest.raises(CommandFailedError, match=r"^--port must be a whole number from 0 to 65535, not 'x'\.$"):
        read_settings({}, Flags(port="x"))


def test_every_parameter_of_the_exchange_has_a_variable() -> None:
    assert [field for field, _ in PARAMETERS.values()] == [field.name for field in fields(ExchangeParameters)]


def test_parameters_are_read_in_readable_units() -> None:
    environment = {
        "WAIVER_TAKER_FEE_BPS": "10",
        "WAIVER_BREAKER_HALT_SECONDS": "0.5",
        "WAIVER_ORDER_VALUE_DOLLARS_MAX": "2500.50",
        "WAIVER_POSITION_SHARES_MAX": "1.5",
        "WAIVER_LIFETIME_DAYS_DEFAULT": "0.5",
    }
    assert read_parameters(environment) == {
        "taker_fee_bps": 10,
        "breaker_halt_ns": 500_000_000,
        "order_value_micros_max": 2_500_500_000,
        "position_units_max": 15_000,
        "lifetime_ns_default": 43_200_000_000_000,
    }


def test_the_defaults_pass_their_own_checks() -> None:
    written = {
        "WAIVER_LIFETIME_DAYS_DEFAULT": "7",
        "WAIVER_LIFETIME_DAYS_MAX": "30",
        "WAIVER_BREAKER_HALT_SECONDS": "300",
    }
    defaults = ExchangeParameters()
    assert read_parameters(written) == {
        "lifetime_ns_default": defaults.lifetime_ns_default,
        "lifetime_ns_max": defaults.lifetime_ns_max,
        "breaker_halt_ns": defaults.breaker_halt_ns,
    }


def test_a_misspelled_variable_is_found() -> None:
    assert unknown_variables({"WAIVER_TAKER_FEE": "1", "WAIVER_PORT": "1", "PATH": ""}) == ["WAIVER_TAKER_FEE"]
