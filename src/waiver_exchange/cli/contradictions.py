"""Settings that are right one by one and make no sense together, and what must not be served."""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Final
from urllib.parse import unquote, urlsplit

from waiver_exchange.adapters.secrets.strength import weakness_of_text
from waiver_exchange.cli.setting_sources import Problem
from waiver_exchange.cli.setting_values import is_loopback
from waiver_exchange.cli.settings import refuse_all
from waiver_exchange.config import Settings

_DEMO: Final = "--demo"


def check_served(settings: Settings) -> None:
    """Raise `CommandFailedError` with every reason why these settings must not be served."""
    refuse_all(contradictions(settings))


def contradictions(settings: Settings) -> list[Problem]:
    """Return every reason why these settings must not be served."""
    return [*_processes(settings), *_databases(settings), *_sign_in(settings), *_lifetimes(settings), *_demo(settings)]


def advice(settings: Settings) -> list[Problem]:
    """Return what is allowed and probably not meant."""
    return list(_advice(settings))


def _processes(settings: Settings) -> Iterator[Problem]:
    if settings.workers and not settings.database_url:
        yield Problem(
            "WAIVER_WORKERS",
            "WAIVER_WORKERS needs PostgreSQL, because one file cannot serve several processes; set "
            "WAIVER_DATABASE_URL, or leave WAIVER_WORKERS out.",
        )
    if settings.fan_out == "redis" and not settings.redis_url:
        yield Problem("WAIVER_FAN_OUT", "WAIVER_FAN_OUT=redis needs Redis; set WAIVER_REDIS_URL, or leave it out.")
    if settings.fan_out == "redis" and not settings.workers:
        yield Problem(
            "WAIVER_FAN_OUT",
            "WAIVER_FAN_OUT=redis is for gateway workers and there are none; set WAIVER_WORKERS, or leave it out.",
        )


def _databases(settings: Settings) -> Iterator[Problem]:
    service, owner = settings.database_url, settings.database_owner_url
    if owner and not service:
        yield Problem(
            "WAIVER_DATABASE_OWNER_URL",
            "WAIVER_DATABASE_OWNER_URL is for migrations alone; set WAIVER_DATABASE_URL too, or leave it out.",
        )
    if service and owner and urlsplit(service).path != urlsplit(owner).path:
        yield Problem(
            "WAIVER_DATABASE_OWNER_URL",
            "WAIVER_DATABASE_OWNER_URL must name the same database as WAIVER_DATABASE_URL, or migrations go elsewhere.",
        )
    if not settings.is_production:
        return
    if service and service == owner:
        yield Problem(
            "WAIVER_DATABASE_URL",
            "In production WAIVER_DATABASE_URL must be of another role than WAIVER_DATABASE_OWNER_URL: the service "
            "does not own its schema.",
        )
    for name, url in (
        ("WAIVER_DATABASE_URL", service),
        ("WAIVER_DATABASE_OWNER_URL", owner),
        ("WAIVER_REDIS_URL", settings.redis_url),
    ):
        password = unquote(urlsplit(url).password or "")
        weakness = weakness_of_text(password) if password else None
        if weakness is not None:
            yield Problem(name, f"The password in {name} is not accepted in production: it {weakness}.")


def _sign_in(settings: Settings) -> Iterator[Problem]:
    chosen = settings.sign_in
    if chosen.sign_up == "domains" and not chosen.sign_up_domains:
        yield Problem(
            "WAIVER_SIGN_UP_DOMAINS",
            "WAIVER_SIGN_UP_DOMAINS must be e-mail domains such as example.org, example.com with "
            "WAIVER_SIGN_UP=domains.",
        )
    if chosen.sign_up_domains and chosen.sign_up != "domains":
        yield Problem(
            "WAIVER_SIGN_UP_DOMAINS",
            f"WAIVER_SIGN_UP_DOMAINS keeps nobody out with WAIVER_SIGN_UP={chosen.sign_up}; set "
            "WAIVER_SIGN_UP=domains, or leave the domains out.",
        )
    if not settings.is_production:
        return
    parts = urlsplit(chosen.public_url)
    if parts.scheme != "https":
        yield Problem(
            "WAIVER_PUBLIC_URL",
            f"WAIVER_PUBLIC_URL must be the https address of the exchange in production, not {chosen.public_url!r}.",
        )
    elif _is_number(parts.hostname or ""):
        yield Problem(
            "WAIVER_PUBLIC_URL",
            f"WAIVER_PUBLIC_URL must have a name in production, not {parts.hostname}: passkeys belong to a name.",
        )


def _lifetimes(settings: Settings) -> Iterator[Problem]:
    default, most = (settings.parameters.get(f"lifetime_ns_{end}") for end in ("default", "max"))
    if default is not None and most is not None and default > most:
        yield Problem(
            "WAIVER_LIFETIME_DAYS_DEFAULT",
            "WAIVER_LIFETIME_DAYS_DEFAULT must not be more than WAIVER_LIFETIME_DAYS_MAX.",
        )


def _demo(settings: Settings) -> Iterator[Problem]:
    """Whoever reaches a demonstration is whoever he says he is."""
    if not settings.is_demo:
        return
    if settings.is_production:
        yield Problem(_DEMO, "--demo lets everybody sign in as anybody; it is not for WAIVER_ENVIRONMENT=production.")
    if not is_loopback(settings.host):
        yield Problem(
            _DEMO,
            f"--demo lets everybody sign in as anybody, so it listens on this machine only, not on "
            f"{settings.host[:100]!r}; leave --host out, or leave --demo out.",
        )
    if settings.trusted_proxies:
        yield Problem(
            "WAIVER_TRUSTED_PROXIES",
            "--demo is for this machine only, and a proxy brings others to it; unset WAIVER_TRUSTED_PROXIES, or leave "
            "--demo out.",
        )
    url = settings.sign_in.public_url
    if url and not is_loopback(urlsplit(url).hostname or ""):
        yield Problem(
            "WAIVER_PUBLIC_URL", "--demo is for this machine only; unset WAIVER_PUBLIC_URL, or leave --demo out."
        )


def _advice(settings: Settings) -> Iterator[Problem]:
    parts = urlsplit(settings.sign_in.public_url)
    host = parts.hostname or "localhost"
    if _is_number(host) or (parts.scheme == "http" and not is_loopback(host)):
        yield Problem("WAIVER_PUBLIC_URL", "Browsers give no passkeys to this address: they want https and a name.")
    if settings.is_production and not settings.trusted_proxies:
        yield Problem(
            "WAIVER_TRUSTED_PROXIES",
            "Behind the proxy that ends TLS all people share its address and its limits; name it in "
            "WAIVER_TRUSTED_PROXIES.",
        )
    if settings.workers and not settings.redis_url:
        yield Problem(
            "WAIVER_REDIS_URL",
            "Without Redis each worker counts requests for itself, so that a limit is up to so many times as high.",
        )


def _is_number(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
