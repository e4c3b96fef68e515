"""The part of the environment that says how people sign in, and what of it must not be served."""

import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Final, NoReturn
from urllib.parse import urlsplit

from waiver_exchange.cli.failures import EXIT_USAGE, CommandFailedError
from waiver_exchange.config import OidcProviderSettings, Settings, SignInSettings
from waiver_exchange.domain.limits import CASH_MICROS_MAX
from waiver_exchange.domain.money import InvalidAmountError, parse_money

SIGN_IN: Final = (
    "WAIVER_PUBLIC_URL",
    "WAIVER_OIDC_PROVIDERS",
    "WAIVER_SIGN_UP",
    "WAIVER_SIGN_UP_DOMAINS",
    "WAIVER_STARTING_CASH_DOLLARS",
)
# Of each provider; the client secret is read with the other secrets.
PROVIDER: Final = ("ISSUER", "CLIENT_ID", "LABEL", "PUBLIC_CLIENT")
MODES: Final = ("open", "invitation", "domains", "closed")
# Whose issuer everybody knows.
_KNOWN: Final = {"google": ("https://accounts.google.com", "Google")}
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,19}", re.ASCII)
_RESERVED: Final = frozenset({"demo", "providers"})
_DOMAIN: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", re.ASCII)
_OF_PROVIDER: Final = re.compile(rf"WAIVER_OIDC_[A-Z0-9_]{{1,20}}_(?:{'|'.join(PROVIDER)})", re.ASCII)


def is_provider_variable(name: str) -> bool:
    """Return whether a variable is one of a provider's."""
    return _OF_PROVIDER.fullmatch(name) is not None


def read_sign_in_settings(environment: Mapping[str, str]) -> SignInSettings:
    """Return how people sign in. Raises `CommandFailedError` naming the variable that is wrong."""
    defaults = SignInSettings()
    mode = environment.get("WAIVER_SIGN_UP") or defaults.sign_up
    if mode not in MODES:
        _refuse("WAIVER_SIGN_UP", f"one of {', '.join(MODES)}", mode)
    domains = tuple(part.lower() for part in _list(environment, "WAIVER_SIGN_UP_DOMAINS"))
    wrong = next((domain for domain in domains if not _DOMAIN.fullmatch(domain)), None)
    if wrong is not None or (mode == "domains" and not domains):
        _refuse("WAIVER_SIGN_UP_DOMAINS", "e-mail domains such as example.org, example.com", wrong or "")
    cash = environment.get("WAIVER_STARTING_CASH_DOLLARS")
    return SignInSettings(
        public_url=_read_public_url(environment.get("WAIVER_PUBLIC_URL") or ""),
        providers=tuple(_read_provider(environment, name) for name in _list(environment, "WAIVER_OIDC_PROVIDERS")),
        sign_up=mode,
        sign_up_domains=domains,
        starting_cash_micros=_read_cash(cash) if cash else defaults.starting_cash_micros,
    )


def check_served(settings: Settings) -> None:
    """Raise `CommandFailedError` when signing in as it is set would let in whoever comes by."""
    url = settings.sign_in.public_url
    if settings.is_production and urlsplit(url).scheme != "https":
        _refuse("WAIVER_PUBLIC_URL", "the https address of the exchange in production", url)
    if not settings.is_demo:
        return
    # Whoever reaches a demonstration is whoever he says he is.
    if settings.is_production:
        _fail("--demo", "--demo lets everybody sign in as anybody; it is not for WAIVER_ENVIRONMENT=production.")
    if not _is_loopback(settings.host):
        _fail(
            "--demo",
            f"--demo lets everybody sign in as anybody, so it listens on this machine only, not on "
            f"{settings.host[:100]!r}; leave --host out, or leave --demo out.",
        )
    if settings.trusted_proxies:
        _fail(
            "WAIVER_TRUSTED_PROXIES",
            "--demo is for this machine only, and a proxy brings others to it; unset WAIVER_TRUSTED_PROXIES, or leave "
            "--demo out.",
        )
    if url and not _is_loopback(urlsplit(url).hostname or ""):
        _fail("WAIVER_PUBLIC_URL", "--demo is for this machine only; unset WAIVER_PUBLIC_URL, or leave --demo out.")


def _read_provider(environment: Mapping[str, str], name: str) -> OidcProviderSettings:
    if not _NAME.fullmatch(name) or name in _RESERVED:
        _refuse("WAIVER_OIDC_PROVIDERS", "names of lower-case letters and digits, such as google, league", name)
    prefix = f"WAIVER_OIDC_{name.upper()}"
    known_issuer, known_label = _KNOWN.get(name, ("", name.replace("_", " ").capitalize()))
    issuer = environment.get(f"{prefix}_ISSUER") or known_issuer
    client_id = environment.get(f"{prefix}_CLIENT_ID") or ""
    parts = urlsplit(issuer)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname or ""))
    if not is_safe or not parts.hostname or parts.query or parts.fragment:
        _refuse(f"{prefix}_ISSUER", "the provider's issuer, an https address", issuer)
    if not client_id or not client_id.isprintable() or " " in client_id:
        _refuse(f"{prefix}_CLIENT_ID", "the client id that the provider gave", client_id)
    label = environment.get(f"{prefix}_LABEL") or known_label
    is_public = environment.get(f"{prefix}_PUBLIC_CLIENT") or "false"
    if is_public not in {"true", "false"}:
        _refuse(f"{prefix}_PUBLIC_CLIENT", "true (the provider gave no client secret) or false", is_public)
    return OidcProviderSettings(
        name=name, label=label, issuer=issuer, client_id=client_id, is_public_client=is_public == "true"
    )


def _read_public_url(text: str) -> str:
    """Return an address without a path, as browsers name it in `Origin`."""
    if not text:
        return ""
    plain = text.removesuffix("/").lower()
    try:
        parts = urlsplit(plain)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    is_origin = parts.scheme in {"http", "https"} and parts.hostname and f"{parts.scheme}://{parts.netloc}" == plain
    if not is_origin or "@" in plain or not plain.isascii():
        _refuse("WAIVER_PUBLIC_URL", "an address without a path such as https://exchange.example.org", text)
    is_default = (parts.scheme, port) in {("http", 80), ("https", 443)}
    return plain.rpartition(":")[0] if is_default else plain


def _read_cash(text: str) -> int:
    try:
        micros = int(parse_money(text))
    except InvalidAmountError:
        micros = -1
    if not 0 <= micros <= CASH_MICROS_MAX:
        _refuse("WAIVER_STARTING_CASH_DOLLARS", "an amount in dollars from 0", text)
    return micros


def _list(environment: Mapping[str, str], name: str) -> list[str]:
    parts = [part.strip() for part in environment.get(name, "").split(",")]
    return list(dict.fromkeys(part for part in parts if part))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _refuse(name: str, expected: str, given: str) -> NoReturn:
    _fail(name, f"{name} must be {expected}, not {given[:100]!r}.")


def _fail(name: str, message: str) -> NoReturn:
    raise CommandFailedError(code="setting_is_wrong", message=message, exit_code=EXIT_USAGE, details={"setting": name})
