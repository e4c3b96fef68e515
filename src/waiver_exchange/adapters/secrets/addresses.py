"""The addresses of Redis and PostgreSQL, which are found where secrets are, because they may hold passwords."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from waiver_exchange.adapters.secrets.errors import SecretsError
from waiver_exchange.adapters.secrets.store import Secrets
from waiver_exchange.config import DATABASE_URL_FORM, DATABASE_URL_RULES, REDIS_URL_PATTERN, Settings, is_database_url

REDIS_URL: Final = "redis_url"
DATABASE_URL: Final = "database_url"
DATABASE_OWNER_URL: Final = "database_owner_url"
_REDIS_FORM: Final = "redis://host:port/0 or unix:///path"
_DATABASE_FORM: Final = f"{DATABASE_URL_FORM} ({DATABASE_URL_RULES})"


def with_addresses(settings: Settings) -> Settings:
    """Return the settings with the addresses, each from where it was given; empty without one.

    Raises `SecretsError` for what is no address, without quoting it.
    """
    return replace(
        settings,
        redis_url=_address(settings, REDIS_URL, given=settings.redis_url, is_fit=_is_redis_url, form=_REDIS_FORM),
        database_url=_address(
            settings, DATABASE_URL, given=settings.database_url, is_fit=is_database_url, form=_DATABASE_FORM
        ),
        database_owner_url=_address(
            settings, DATABASE_OWNER_URL, given=settings.database_owner_url, is_fit=is_database_url,
            form=_DATABASE_FORM,
        ),
    )  # fmt: skip


def _is_redis_url(text: str) -> bool:
    return re.fullmatch(REDIS_URL_PATTERN, text) is not None


def _address(settings: Settings, name: str, *, given: str, is_fit: Callable[[str], bool], form: str) -> str:
    url = given or Secrets(settings).read_given(name)
    if url and not is_fit(url):
        raise SecretsError(f"The secret {name} is no address such as {form}.")
    return url
