"""Flags and environment into `config.Settings`, once; `VARIABLES` is the list that docs/operating.md must cover."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from waiver_exchange.adapters.secrets.addresses import with_database_urls
from waiver_exchange.adapters.secrets.errors import SecretsError
from waiver_exchange.application.operating.four_eyes import FOUR_EYES_ACTIONS, FOUR_EYES_DEFAULT
from waiver_exchange.cli.failures import EXIT_USAGE, CommandFailedError
from waiver_exchange.cli.sign_in_settings import SIGN_IN, is_provider_variable, read_sign_in_settings
from waiver_exchange.config import (
    DATABASE_URL_PATTERN,
    REDIS_URL_PATTERN,
    ConnectionLimits,
    RequestLimits,
    SecretSettings,
    Settings,
)
from waiver_exchange.domain.limits import (
    BPS,
    DURATION_NS_MAX,
    FEE_BPS_MAX,
    NANOSECONDS_PER_SECOND,
    ORDER_VALUE_MICROS_MAX,
)
from waiver_exchange.domain.money import InvalidAmountError, format_money, format_quantity, parse_money, parse_quantity

DATA_DIR_DEFAULT: Final = "data"
PREFIX: Final = "WAIVER_"
_T = TypeVar("_T")
CONNECTIONS_MAX: Final = 1_000_000
_NS_PER_DAY: Final = 86_400 * NANOSECONDS_PER_SECOND
REQUESTS_MAX: Final = 1_000_000
WORKERS_MAX: Final = 64
FAN_OUTS: Final = ("socket", "redis")
_PORT_MAX: Final = 65_535
_INT_MAX: Final = 2**62
_INTEGER: Final = re.compile(r"[0-9]{1,18}", re.ASCII)


class _WrongValueError(ValueError):
    """The text is not a value of the setting; the message completes "must be"."""


def _integer(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not _INTEGER.fullmatch(text) or not least <= int(text) <= most:
            raise _WrongValueError(f"a whole number from {least} to {most}")
        return int(text)

    return parse


def _duration(ns_per_unit: int, unit: str, *, least_ns: int = 0) -> Callable[[str], int]:
    def parse(text: str) -> int:
        try:
            # Money's parser reads decimals exactly: a millionth of the unit.
            ns, rest = divmod(parse_money(text) * ns_per_unit, 1_000_000)
        except InvalidAmountError:
            ns, rest = -1, 0
        if rest or not least_ns <= ns <= DURATION_NS_MAX:
            zero = "more than 0" if least_ns else "from 0"
            raise _WrongValueError(f"a number of {unit} {zero} up to {DURATION_NS_MAX // ns_per_unit}")
        return ns

    return parse


def _dollars(text: str) -> int:
    try:
        micros = int(parse_money(text))
    except InvalidAmountError:
        micros = 0
    if not 1 <= micros <= ORDER_VALUE_MICROS_MAX:
        raise _WrongValueError(f"an amount in dollars from 0.000001 to {format_money(ORDER_VALUE_MICROS_MAX)}")
    return micros


def _shares(text: str) -> int:
    try:
        units = int(parse_quantity(text))
    except InvalidAmountError:
        units = -1
    if units < 0:
        raise _WrongValueError(f"a number of shares from 0 to {format_quantity(_INT_MAX)}, with at most four decimals")
    return units


def _zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (ValueError, OSError, LookupError):
        raise _WrongValueError("a time zone such as America/New_York") from None


def _addresses(text: str) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in text.split(","))
    try:
        return tuple(str(ip_network(part)) if "/" in part else str(ip_address(part)) for part in parts)
    except ValueError:
        raise _WrongValueError("addresses or networks such as 127.0.0.1, 10.0.0.0/8") from None


def _is_production(text: str) -> bool:
    if text not in {"development", "production"}:
        raise _WrongValueError("development or production")
    return text == "production"


def _four_eyes(text: str) -> frozenset[str]:
    if text.strip() == "all":
        return frozenset(FOUR_EYES_ACTIONS)
    names = frozenset(part.strip() for part in text.split(",")) - {"none"}
    if not names <= frozenset(FOUR_EYES_ACTIONS):
        raise _WrongValueError(f"all, none, or some of {', '.join(FOUR_EYES_ACTIONS)} with commas between them")
    return names


def _database_url(text: str) -> str:
    if not re.fullmatch(DATABASE_URL_PATTERN, text):
        raise _WrongValueError("postgresql://user@host:5432/database")
    return text


def _fan_out(text: str) -> str:
    if text not in FAN_OUTS:
        raise _WrongValueError(" or ".join(FAN_OUTS))
    return text


def _redis_url(text: str) -> str:
    if not re.fullmatch(REDIS_URL_PATTERN, text):
        raise _WrongValueError("redis://host:port/0, rediss://host:port/0 or unix:///path")
    return text


# One variable for each field of `ExchangeParameters`; unset leaves the field as the journal has it.
PARAMETERS: Final[dict[str, tuple[str, Callable[[str], int]]]] = {
    "WAIVER_MAKER_FEE_BPS": ("maker_fee_bps", _integer(0, FEE_BPS_MAX)),
    "WAIVER_TAKER_FEE_BPS": ("taker_fee_bps", _integer(0, FEE_BPS_MAX)),
    "WAIVER_COLLAR_BPS": ("collar_bps", _integer(1, BPS - 1)),
    "WAIVER_BAND_BPS": ("band_bps", _integer(0, BPS - 1)),
    "WAIVER_BREAKER_BPS": ("breaker_bps", _integer(0, 10 * BPS)),
    "WAIVER_BREAKER_WINDOW_SECONDS": ("breaker_window_ns", _duration(NANOSECONDS_PER_SECOND, "seconds")),
    "WAIVER_BREAKER_HALT_SECONDS": ("breaker_halt_ns", _duration(NANOSECONDS_PER_SECOND, "seconds")),
    "WAIVER_ORDER_VALUE_DOLLARS_MAX": ("order_value_micros_max", _dollars),
    "WAIVER_POSITION_SHARES_MAX": ("position_units_max", _shares),
    "WAIVER_OPEN_ORDERS_MAX": ("open_orders_max", _integer(1, 10**18 - 1)),
    "WAIVER_ORDERS_PER_SECOND_MAX": ("orders_per_second_max", _integer(0, 10**18 - 1)),
    "WAIVER_LIFETIME_DAYS_DEFAULT": ("lifetime_ns_default", _duration(_NS_PER_DAY, "days", least_ns=1)),
    "WAIVER_LIFETIME_DAYS_MAX": ("lifetime_ns_max", _duration(_NS_PER_DAY, "days", least_ns=1)),
}
# One variable for each field of `RequestLimits`; 0 lifts a limit.
LIMITS: Final = {
    "WAIVER_ORDERS_PER_SECOND": "orders_per_second",
    "WAIVER_READS_PER_SECOND": "reads_per_second",
    "WAIVER_ACCOUNT_ORDERS_PER_SECOND": "account_orders_per_second",
    "WAIVER_ACCOUNT_READS_PER_SECOND": "account_reads_per_second",
    "WAIVER_ADDRESS_REQUESTS_PER_SECOND": "address_requests_per_second",
    "WAIVER_FAILED_AUTHENTICATIONS_PER_MINUTE": "failed_authentications_per_minute",
    "WAIVER_SIGN_INS_PER_MINUTE": "sign_ins_per_minute",
}
# One variable for each field of `ConnectionLimits`; 0 lifts a limit.
CONNECTION_LIMITS: Final = {
    "WAIVER_CONNECTIONS_MAX": "connections",
    "WAIVER_ADDRESS_CONNECTIONS_MAX": "address_connections",
    "WAIVER_KEY_CONNECTIONS_MAX": "key_connections",
}
SERVICE: Final = (
    "WAIVER_HOST",
    "WAIVER_PORT",
    "WAIVER_DATA_DIR",
    "WAIVER_TIME_ZONE",
    "WAIVER_SNAPSHOT_ROWS",
    "WAIVER_CHECKPOINT_ROWS",
    "WAIVER_CHECKPOINT_DIR",
    "WAIVER_TRUSTED_PROXIES",
    "WAIVER_ENVIRONMENT",
    "WAIVER_SECRETS_DIR",
    "WAIVER_FOUR_EYES",
    "WAIVER_REDIS_URL",
    "WAIVER_DATABASE_URL",
    "WAIVER_DATABASE_OWNER_URL",
    "WAIVER_WORKERS",
    "WAIVER_FAN_OUT",
    *LIMITS,
    *CONNECTION_LIMITS,
    *SIGN_IN,
)
# Each also with _FILE at its end, naming a file that holds the secret.
SECRETS: Final = ("WAIVER_MASTER_KEY", "WAIVER_AUDIT_SIGNING_KEY")
# What may hold a password: each also with _FILE, and not repeated when it is wrong.
ADDRESSES: Final = ("WAIVER_REDIS_URL", "WAIVER_DATABASE_URL", "WAIVER_DATABASE_OWNER_URL")
_SECRET: Final = re.compile(
    rf"(?:{'|'.join(SECRETS)}|WAIVER_OIDC_[A-Z0-9_]{{1,40}}_CLIENT_SECRET)(?:_FILE)?|(?:{'|'.join(ADDRESSES)})_FILE",
    re.ASCII,
)
# For clients of an exchange, which its server leaves alone.
CLIENT: Final = ("WAIVER_URL", "WAIVER_API_KEY", "WAIVER_API_SECRET")
VARIABLES: Final = (*SERVICE, *SECRETS, *PARAMETERS, *CLIENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """What the command line gave; None leaves it to the environment."""

    data_dir: str | None = None
    host: str | None = None
    port: str | None = None
    workers: str | None = None
    is_demo: bool = False


def read_settings(environment: Mapping[str, str], flags: Flags) -> Settings:
    """Return the settings: flags before environment before defaults; an empty variable counts as unset.

    Raises `CommandFailedError` naming the flag or variable that is wrong.
    """
    defaults = Settings(data_dir=Path(DATA_DIR_DEFAULT))
    port = _choose(flags.port, "--port", environment, "WAIVER_PORT", _integer(0, _PORT_MAX))
    zone = _choose(None, "", environment, "WAIVER_TIME_ZONE", _zone)
    rows = _choose(None, "", environment, "WAIVER_SNAPSHOT_ROWS", _integer(1, 10**12))
    checkpoint_rows = _choose(None, "", environment, "WAIVER_CHECKPOINT_ROWS", _integer(1, 10**12))
    checkpoint_dir = environment.get("WAIVER_CHECKPOINT_DIR")
    is_production = _choose(None, "", environment, "WAIVER_ENVIRONMENT", _is_production) or False
    four_eyes = _choose(None, "", environment, "WAIVER_FOUR_EYES", _four_eyes)
    return Settings(
        data_dir=Path(flags.data_dir or environment.get("WAIVER_DATA_DIR") or DATA_DIR_DEFAULT),
        host=flags.host or environment.get("WAIVER_HOST") or defaults.host,
        port=defaults.port if port is None else port,
        is_demo=flags.is_demo,
        zone=zone or defaults.zone,
        snapshot_rows=rows or defaults.snapshot_rows,
        checkpoint_rows=checkpoint_rows or defaults.checkpoint_rows,
        checkpoint_dir=Path(checkpoint_dir) if checkpoint_dir else None,
        limits=_read_limits(environment),
        connection_limits=_read_connection_limits(environment),
        trusted_proxies=_choose(None, "", environment, "WAIVER_TRUSTED_PROXIES", _addresses) or (),
        is_production=is_production,
        four_eyes=frozenset(FOUR_EYES_DEFAULT if is_production else ()) if four_eyes is None else four_eyes,
        redis_url=_choose(None, "", environment, "WAIVER_REDIS_URL", _redis_url) or "",
        database_url=_choose(None, "", environment, "WAIVER_DATABASE_URL", _database_url) or "",
        database_owner_url=_choose(None, "", environment, "WAIVER_DATABASE_OWNER_URL", _database_url) or "",
        workers=_choose(flags.workers, "--workers", environment, "WAIVER_WORKERS", _integer(0, WORKERS_MAX)) or 0,
        fan_out=_choose(None, "", environment, "WAIVER_FAN_OUT", _fan_out) or defaults.fan_out,
        secrets=_read_secret_settings(environment),
        sign_in=read_sign_in_settings(environment),
    )


def with_addresses(settings: Settings) -> Settings:
    """Return the settings with the addresses of PostgreSQL that are kept with the secrets.

    Raises `CommandFailedError` for what is no address or cannot be read.
    """
    try:
        return with_database_urls(settings)
    except SecretsError as error:
        raise CommandFailedError(code="setting_is_wrong", message=str(error), exit_code=EXIT_USAGE) from error


def _read_secret_settings(environment: Mapping[str, str]) -> SecretSettings:
    directory, credentials = environment.get("WAIVER_SECRETS_DIR"), environment.get("CREDENTIALS_DIRECTORY")
    return SecretSettings(
        directory=Path(directory) if directory else None,
        credentials_directory=Path(credentials) if credentials else None,
        given={name: value for name, value in environment.items() if _SECRET.fullmatch(name) and value},
    )


def _read_limits(environment: Mapping[str, str]) -> RequestLimits:
    chosen = {
        field: _choose(None, "", environment, variable, _integer(0, REQUESTS_MAX)) for variable, field in LIMITS.items()
    }
    return RequestLimits(**{field: value for field, value in chosen.items() if value is not None})


def _read_connection_limits(environment: Mapping[str, str]) -> ConnectionLimits:
    chosen = {
        field: _choose(None, "", environment, variable, _integer(0, CONNECTIONS_MAX))
        for variable, field in CONNECTION_LIMITS.items()
    }
    return ConnectionLimits(**{field: value for field, value in chosen.items() if value is not None})


def read_parameters(environment: Mapping[str, str]) -> dict[str, int]:
    """Return the fields of `ExchangeParameters` that the environment sets. Raises `CommandFailedError`."""
    chosen = {field: _choose(None, "", environment, variable, parse) for variable, (field, parse) in PARAMETERS.items()}
    return {field: value for field, value in chosen.items() if value is not None}


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Return variables that look like settings and are none: probably misspelled."""
    given = [name for name in environment if name.startswith(PREFIX) and name not in VARIABLES]
    return sorted(name for name in given if not _SECRET.fullmatch(name) and not is_provider_variable(name))


def _choose(
    given: str | None, flag: str, environment: Mapping[str, str], variable: str, parse: Callable[[str], _T]
) -> _T | None:
    name, text = (flag, given) if given is not None else (variable, environment.get(variable) or None)
    if text is None:
        return None
    try:
        return parse(text)
    except _WrongValueError as error:
        raise CommandFailedError(
            code="setting_is_wrong",
            message=f"{name} must be {error}{'' if name in ADDRESSES else f', not {text[:100]!r}'}.",
            exit_code=EXIT_USAGE,
            details={"setting": name},
        ) from None
