"""The address of Redis, which is found where secrets are, because it may hold a password."""

import re
from typing import Final

from waiver_exchange.adapters.secrets.errors import SecretsError
from waiver_exchange.adapters.secrets.store import Secrets
from waiver_exchange.config import REDIS_URL_PATTERN, Settings

REDIS_URL: Final = "redis_url"


def redis_url_of(settings: Settings) -> str:
    """Return the address that the settings name or that is kept with the secrets; empty without one.

    Raises `SecretsError` for what is no address, without quoting it.
    """
    url = settings.redis_url or Secrets(settings).read_given(REDIS_URL)
    if url and not re.fullmatch(REDIS_URL_PATTERN, url):
        raise SecretsError("The secret redis_url is no address such as redis://host:port/0 or unix:///path.")
    return url
