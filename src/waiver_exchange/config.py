"""Every setting of the service in one frozen tree, parsed once at the edge from flags and environment."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

REDIS_URL_PATTERN: Final = r"(redis|rediss|unix)://\S+"
_CODED: Final = r"%(?!00)[0-9A-Fa-f]{2}"
_PLAIN: Final = r"[^\s%/?#@\[\],:]"
# One host. A sign that would end a part of the address early must be percent-encoded in it, because the libraries of
# PostgreSQL quote what they then cannot read, which may be a part of the password.
_DATABASE_URL: Final = re.compile(
    rf"postgres(ql)?://((?:{_PLAIN}|{_CODED})*(:(?:{_PLAIN}|{_CODED}|[:,])*)?@)?"
    rf"((?:{_PLAIN}|{_CODED})*|\[[0-9A-Fa-f:.]+\])(:(?P<port>[0-9]{{1,5}}))?(/(?:{_PLAIN}|{_CODED}|[:,])*)?"
    rf"(\?(?!.*\b(host|hostaddr|port)=[^&]*(,|%2[cC]))[a-z_]+=(?:[^\s%#&=]|{_CODED})*"
    rf"(&[a-z_]+=(?:[^\s%#&=]|{_CODED})*)*)?"
)
DATABASE_URL_FORM: Final = "postgresql://user@host:5432/database"
DATABASE_URL_RULES: Final = "one host, and signs such as % @ / in a password as %25 %40 %2F"
_PORT_MAX: Final = 65_535


def is_database_url(text: str) -> bool:
    """Return whether all libraries in use read a PostgreSQL address, and read the same."""
    found = _DATABASE_URL.fullmatch(text)
    return found is not None and 1 <= int(found["port"] or 5432) <= _PORT_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLimits:
    """How many requests are taken; 0 lifts a limit. The first two are per key or session, the last three per address.

    Those of an account are for all its keys and sessions together; None is five times what one of them may.
    """

    orders_per_second: int = 100
    reads_per_second: int = 1_000
    account_orders_per_second: int | None = None
    account_reads_per_second: int | None = None
    address_requests_per_second: int = 5_000
    failed_authentications_per_minute: int = 20
    sign_ins_per_minute: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """How many WebSocket connections are taken: at all, of a network address, of an API key; 0 lifts a limit."""

    connections: int = 10_000
    address_connections: int = 5_000
    key_connections: int = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretSettings:
    """Where secrets come from; `given` are the variables of the environment that hold one or name the file of one."""

    directory: Path | None = None
    credentials_directory: Path | None = None
    given: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcProviderSettings:
    """An OpenID Connect provider; its client secret is among the secrets, `oidc_<name>_client_secret`.

    `is_public_client` says that there is none on purpose; in production it has to be said.
    """

    name: str
    label: str
    issuer: str
    client_id: str
    is_public_client: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInSettings:
    """How people sign in; an empty `public_url` is this machine's own address.

    `sign_up` is one of open, invitation, domains, closed; a new account begins with the starting cash.
    """

    public_url: str = ""
    providers: tuple[OidcProviderSettings, ...] = ()
    sign_up: str = "open"
    sign_up_domains: tuple[str, ...] = ()
    starting_cash_micros: int = 10_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the operator chooses; the defaults serve a laptop.

    `is_production` refuses what is good enough for a laptop only: weak secrets, secrets that others can read.
    `zone` is where the trading day ends.
    `snapshot_rows` journal rows lie between two snapshots of the engine.
    `checkpoint_rows` journal rows lie between two signed checkpoints at most, which are copied to `checkpoint_dir`.
    `four_eyes` are the admin actions that a second operator has to approve.
    `trusted_proxies` are the addresses whose `X-Forwarded-For` names the client.
    `redis_url` is where several processes share what they count; it may hold a password.
    `database_url` is the PostgreSQL that keeps everything instead of files in `data_dir`, as the service may use it;
    `database_owner_url` the same as its owner, who alone may change its schema. Both may hold a password.
    `workers` gateway processes share the port, beside one with the engine; 0 is one process for all.
    `parameters` are the fields of `ExchangeParameters` that are given; the journal keeps the others.
    `fan_out` is what the engine's news reach them through, one of socket, redis.
    """

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 8081
    is_demo: bool = False
    is_production: bool = False
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("America/New_York"))
    snapshot_rows: int = 200_000
    checkpoint_rows: int = 100_000
    checkpoint_dir: Path | None = None
    limits: RequestLimits = field(default_factory=RequestLimits)
    connection_limits: ConnectionLimits = field(default_factory=ConnectionLimits)
    trusted_proxies: tuple[str, ...] = ()
    four_eyes: frozenset[str] = frozenset()
    secrets: SecretSettings = field(default_factory=SecretSettings)
    sign_in: SignInSettings = field(default_factory=SignInSettings)
    redis_url: str = field(default="", repr=False)
    database_url: str = field(default="", repr=False)
    database_owner_url: str = field(default="", repr=False)
    workers: int = 0
    fan_out: str = "socket"
    parameters: Mapping[str, int] = field(default_factory=dict)
