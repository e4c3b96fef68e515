"""The addresses of Redis and PostgreSQL, which are found where secrets are, because they may hold passwords."""

import re
from dataclasses import replace
from typing import Final

from waiver_exchange.adapters.secrets.errors import SecretsError
from waiver_exchange.adapters.secrets.store import Secrets
from waiver_exchange.config import DATABASE_URL_PATTERN, REDIS_URL_PATTERN, Settings

REDIS_URL: Final = "redis_url"
DATABASE_URL: Final = "database_url"
DATABASE_OWNER_URL: Final = "database_owner_url"
_REDIS_FORM: Final = "redis://host:port/0 or unix:///path"
_DATABASE_FORM: Final = "postgresql://user@host:5432/database"


def with_addresses(settings: Settings) -> Settings:
    """Return the settings with the addresses, each from where it was given; empty without one.

    Raises `SecretsError` for what is no address, without quoting it.
    """
    return replace(
        settings,
        redis_url=_address(settings, REDIS_URL, given=settings.redis_url, pattern=REDIS_URL_PATTERN, form=_REDIS_FORM),
        database_url=_address(
            settings, DATABASE_URL, given=settings.database_url, pattern=DATABASE_URL_PATTERN, form=_DATABASE_FORM
        ),
        database_owner_url=_address(
            settings, DATABASE_OWNER_URL, given=settings.database_owner_url, pattern=DATABASE_URL_PATTERN,
            form=_DATABASE_FORM,
        ),
    )  # fmt: skip


def _address(settings: Settings, name: str, *, given: str, pattern: str, form: str) -> str:
    url = given or Secrets(settings).read_given(name)
    if url and not re.fullmatch(pattern, url):
        raise SecretsError(f"The secret {name} is no address such as {form}.")
    return url
