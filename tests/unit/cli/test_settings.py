"""Flags and environment into settings; a wrong value names what is wrong."""

from dataclasses import fields
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from waiver_exchange.cli.failures import EXIT_USAGE, CommandFailedError
from waiver_exchange.cli.setting_table import PARAMETERS, PARAMETERS_PLACE
from waiver_exchange.cli.settings import Flags, read_configuration, read_settings
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
    with pytest.raises(CommandFailedError, match=f"^{variable} must be ") as raised:
        read_settings({variable: value}, Flags())
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
    places = [setting.place.removeprefix(PARAMETERS_PLACE) for setting in PARAMETERS]
    assert places == [field.name for field in fields(ExchangeParameters)]


def test_parameters_are_read_in_readable_units() -> None:
    environment = {
        "WAIVER_TAKER_FEE_BPS": "10",
        "WAIVER_BREAKER_HALT_SECONDS": "0.5",
        "WAIVER_ORDER_VALUE_DOLLARS_MAX": "2500.50",
        "WAIVER_POSITION_SHARES_MAX": "1.5",
        "WAIVER_LIFETIME_DAYS_DEFAULT": "0.5",
    }
    assert read_settings(environment, Flags()).parameters == {
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
    assert read_settings(written, Flags()).parameters == {
        "lifetime_ns_default": defaults.lifetime_ns_default,
        "lifetime_ns_max": defaults.lifetime_ns_max,
        "breaker_halt_ns": defaults.breaker_halt_ns,
    }


def test_a_misspelled_variable_is_refused_and_the_nearest_named() -> None:
    with pytest.raises(CommandFailedError, match=r"^WAIVER_PROT is no setting\. Did you mean WAIVER_PORT\?$"):
        read_settings({"WAIVER_PROT": "1", "WAIVER_TYPO": "", "PATH": ""}, Flags())
    with pytest.raises(CommandFailedError, match=r"^WAIVER_XYZ is no setting\. `waiver config show` lists"):
        read_settings({"WAIVER_XYZ": "1"}, Flags())


def test_what_clients_read_is_left_alone() -> None:
    environment = {"WAIVER_URL": "http://localhost", "WAIVER_API_KEY": "k", "WAIVER_API_SECRET": "s"}
    assert read_settings(environment, Flags()) == Settings(data_dir=Path("data"))


def test_everything_wrong_is_told_at_once() -> None:
    environment = {"WAIVER_PORT": "x", "WAIVER_WORKER": "2", "WAIVER_SIGN_UP": "all", "WAIVER_TAKER_FEE_BPS": "-1"}
    found = read_configuration(environment, Flags(data_dir="here"))
    assert {problem.setting for problem in found.problems} == set(environment)
    assert found.settings == Settings(data_dir=Path("here"))


def test_a_file_is_read_under_the_environment_and_the_flags(tmp_path: Path) -> None:
    file = tmp_path / "waiver.toml"
    file.write_text(
        'host = "10.0.0.9"\nport = 1\nworkers = 3\ntrusted_proxies = ["127.0.0.1", "10.0.0.0/8"]\n'
        'breaker_halt_seconds = 0.5\n[oidc]\nproviders = ["league"]\nleague.issuer = "https://id.example"\n'
        'league.client_id = "waiver"\nleague.public_client = true\n[redis]\nurl = "redis://here"\n'
    )
    environment = {"WAIVER_CONFIG": str(file), "WAIVER_PORT": "2", "WAIVER_WORKERS": "4"}
    found = read_configuration(environment, Flags(port="3"))
    settings = found.settings
    assert not found.problems
    assert (settings.host, settings.port, settings.workers) == ("10.0.0.9", 3, 4)
    assert settings.trusted_proxies == ("127.0.0.1", "10.0.0.0/8")
    assert (settings.redis_url, settings.parameters) == ("redis://here", {"breaker_halt_ns": 500_000_000})
    assert settings.sign_in.providers[0].is_public_client
    sources = {name: found.given[name].source for name in ("WAIVER_HOST", "WAIVER_PORT", "WAIVER_WORKERS")}
    assert sources == {"WAIVER_HOST": str(file), "WAIVER_PORT": "--port", "WAIVER_WORKERS": "environment"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prot = 1", r"^prot in .*waiver.toml is no setting\. Did you mean port\?$"),
        ('port = "x"', r"^port in .*waiver.toml must be a whole number"),
        ("port = 1979-05-27", r"port is neither text"),
        ("PORT = 1", r"PORT stands twice, in capitals"),
        ('redis_url = "redis://a"\nredis.url = "redis://b"', r"redis_url stands twice"),
        ("port = ", r"is no TOML"),
        ('config = "other.toml"', r"config stands twice, in capitals, or names another one"),
        ('master_key = "hush"', r"^master_key does not belong into .*as master_key_file\.$"),
    ],
)
def test_what_is_wrong_in_a_file_is_told(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "waiver.toml"
    file.write_text(text)
    with pytest.raises(CommandFailedError, match=message) as raised:
        read_settings({}, Flags(config=str(file)))
    assert "hush" not in raised.value.message


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(CommandFailedError, match="cannot be read"):
        read_settings({"WAIVER_CONFIG": str(tmp_path / "none.toml")}, Flags())
    assert not read_configuration({}, Flags(), default_file=tmp_path / "none.toml").problems


def test_in_production_a_file_is_closed_to_others(tmp_path: Path) -> None:
    file = tmp_path / "waiver.toml"
    file.write_text('environment = "production"\nredis_url = "redis://:hush@here"\n')
    flags = Flags(config=str(file))
    for mode, told in ((0o666, 2), (0o644, 1), (0o620, 1), (0o600, 0)):
        file.chmod(mode)
        assert len(read_configuration({}, flags).problems) == told, oct(mode)


def test_a_secret_and_its_file_are_one_setting(tmp_path: Path) -> None:
    both = {"WAIVER_REDIS_URL": "redis://a", "WAIVER_REDIS_URL_FILE": "/b"}
    with pytest.raises(CommandFailedError, match="WAIVER_REDIS_URL and WAIVER_REDIS_URL_FILE are both given"):
        read_settings(both, Flags())
    file = tmp_path / "waiver.toml"
    file.write_text('redis_url = "redis://a"\n')
    settings = read_settings({"WAIVER_REDIS_URL_FILE": "/b"}, Flags(config=str(file)))
    assert (settings.redis_url, settings.secrets.given) == ("", {"WAIVER_REDIS_URL_FILE": "/b"})
