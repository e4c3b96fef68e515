"""What the text of a setting may be, and the value that it becomes."""

import re
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from waiver_exchange.application.operating.four_eyes import FOUR_EYES_ACTIONS
from waiver_exchange.config import DATABASE_URL_FORM, DATABASE_URL_RULES, REDIS_URL_PATTERN, is_database_url
from waiver_exchange.domain.limits import CASH_MICROS_MAX, DURATION_NS_MAX, ORDER_VALUE_MICROS_MAX
from waiver_exchange.domain.money import InvalidAmountError, format_money, format_quantity, parse_money, parse_quantity

_INTEGER: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_SHARES_MAX: Final = 2**62
_PROVIDER: Final = re.compile(r"[a-z][a-z0-9_]{0,19}", re.ASCII)
_PROVIDERS_RESERVED: Final = frozenset({"demo", "providers"})
_DOMAIN: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", re.ASCII)


class Form(NamedTuple):
    """A kind of value: `expected` completes "must be", `parse` raises `ValueError` for any other text.

    `range` says the same shorter, where the sentence would be long.
    """

    expected: str
    parse: Callable[[str], object]
    short: str = ""

    @property
    def range(self) -> str:
        """What is allowed, for the documents."""
        return self.short or self.expected


def integer(least: int, most: int) -> Form:
    """Return the form of whole numbers."""

    def parse(text: str) -> int:
        if not _INTEGER.fullmatch(text):
            raise ValueError(text)
        return _within(int(text), least, most)

    return Form(f"a whole number from {least} to {most}", parse)


def duration(ns_per_unit: int, unit: str, *, least_ns: int = 0) -> Form:
    """Return the form of times in a unit, which become nanoseconds; decimals are possible."""

    def parse(text: str) -> int:
        # Money's parser reads decimals exactly: a millionth of the unit.
        ns, rest = divmod(_read(parse_money, text) * ns_per_unit, 1_000_000)
        if rest:
            raise ValueError(text)
        return _within(ns, least_ns, DURATION_NS_MAX)

    zero = "more than 0" if least_ns else "from 0"
    return Form(f"a number of {unit} {zero} up to {DURATION_NS_MAX // ns_per_unit}", parse)


def words(*allowed: str) -> Form:
    """Return the form of one of some words."""

    def parse(text: str) -> str:
        if text not in allowed:
            raise ValueError(text)
        return text

    return Form(f"{', '.join(allowed[:-1])} or {allowed[-1]}", parse)


def _within(value: int, least: int, most: int) -> int:
    if not least <= value <= most:
        raise ValueError(value)
    return value


def _read(parse: Callable[[str], int], text: str) -> int:
    try:
        return int(parse(text))
    except InvalidAmountError as error:
        raise ValueError(text) from error


def _zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (OSError, LookupError) as error:
        raise ValueError(text) from error


def _addresses(text: str) -> tuple[str, ...]:
    parts = (part.strip() for part in text.split(","))
    return tuple(str(ip_network(part)) if "/" in part else str(ip_address(part)) for part in parts)


def _four_eyes(text: str) -> frozenset[str]:
    if text.strip() == "all":
        return frozenset(FOUR_EYES_ACTIONS)
    names = frozenset(split_list(text)) - {"none"}
    if not names <= frozenset(FOUR_EYES_ACTIONS):
        raise ValueError(text)
    return names


def _matching(pattern: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(text)
        return text

    return parse


def _database_url(text: str) -> str:
    if not is_database_url(text):
        raise ValueError(text)
    return text


def _providers(text: str) -> tuple[str, ...]:
    names = tuple(split_list(text))
    if any(not _PROVIDER.fullmatch(name) or name in _PROVIDERS_RESERVED for name in names):
        raise ValueError(text)
    return names


def _domains(text: str) -> tuple[str, ...]:
    names = tuple(name.lower() for name in split_list(text))
    if not all(map(_DOMAIN.fullmatch, names)):
        raise ValueError(text)
    return names


def _origin(text: str) -> str:
    """Return an address without a path, as browsers name it in `Origin`."""
    plain = text.removesuffix("/").lower()
    parts = urlsplit(plain)
    is_origin = parts.scheme in {"http", "https"} and parts.hostname and f"{parts.scheme}://{parts.netloc}" == plain
    if not is_origin or "@" in plain or not plain.isascii():
        raise ValueError(text)
    is_default = (parts.scheme, parts.port) in {("http", 80), ("https", 443)}
    return plain.rpartition(":")[0] if is_default else plain


def _issuer(text: str) -> str:
    parts = urlsplit(text)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    if not is_safe or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(text)
    return text


def _client_id(text: str) -> str:
    if not text or not text.isprintable() or " " in text:
        raise ValueError(text)
    return text


def _truth(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError(text)
    return text == "true"


def split_list(text: str) -> list[str]:
    """Return what stands between commas, each once."""
    parts = [part.strip() for part in text.split(",")]
    return list(dict.fromkeys(part for part in parts if part))


def is_loopback(host: str) -> bool:
    """Return whether a host can only be this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


TEXT: Final = Form("any text", str)
PATH: Final = Form("a path", Path)
DIRECTORY: Final = Form("the path of a directory", Path)
HOST: Final = Form("an address or the name of this host", str)
ZONE: Final = Form("a time zone such as America/New_York", _zone, short="an IANA time zone")
ADDRESSES: Final = Form("addresses or networks such as 127.0.0.1, 10.0.0.0/8", _addresses)
ENVIRONMENT: Final = Form(
    "development or production", lambda text: words("development", "production").parse(text) == "production"
)
FOUR_EYES: Final = Form(
    f"all, none, or some of {', '.join(FOUR_EYES_ACTIONS)} with commas between them",
    _four_eyes,
    short="`all`, `none`, or names of [actions](operator-console.md#four-eyes) with commas between them",
)
REDIS_URL: Final = Form("redis://host:port/0, rediss://host:port/0 or unix:///path", _matching(REDIS_URL_PATTERN))
DATABASE_URL: Final = Form(f"{DATABASE_URL_FORM} ({DATABASE_URL_RULES})", _database_url)
DOLLARS: Final = Form(
    f"an amount in dollars from 0.000001 to {format_money(ORDER_VALUE_MICROS_MAX)}",
    lambda text: _within(_read(parse_money, text), 1, ORDER_VALUE_MICROS_MAX),
)
CASH: Final = Form(
    "an amount in dollars from 0",
    lambda text: _within(_read(parse_money, text), 0, CASH_MICROS_MAX),
    short=f"an amount in dollars from 0 to {format_money(CASH_MICROS_MAX)}",
)
SHARES: Final = Form(
    f"a number of shares from 0 to {format_quantity(_SHARES_MAX)}, with at most four decimals",
    lambda text: _within(_read(parse_quantity, text), 0, _SHARES_MAX),
)
PROVIDERS: Final = Form("names of lower-case letters and digits, such as google, league", _providers)
DOMAINS: Final = Form("e-mail domains such as example.org, example.com", _domains)
ORIGIN: Final = Form("an address without a path such as https://exchange.example.org", _origin)
ISSUER: Final = Form("the provider's issuer, an https address", _issuer)
CLIENT_ID: Final = Form("the client id that the provider gave", _client_id)
TRUTH: Final = Form("true (the provider gave no client secret) or false", _truth, short="true or false")
KEY: Final = Form("32 random bytes as 64 hexadecimal digits or as base64", str)
