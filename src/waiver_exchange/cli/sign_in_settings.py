"""The settings of each provider that people sign in at."""

from collections.abc import Mapping
from typing import Final

from waiver_exchange.cli.setting_sources import Given, Problem
from waiver_exchange.cli.setting_values import CLIENT_ID, ISSUER, TRUTH, Form
from waiver_exchange.config import OidcProviderSettings

# Whose issuer everybody knows.
_KNOWN: Final = {"google": ("https://accounts.google.com", "Google")}


def read_provider(given: Mapping[str, Given], name: str, problems: list[Problem]) -> OidcProviderSettings:
    """Return a provider as it is set; what is wrong with it is added to the problems."""
    known_issuer, known_label = _KNOWN.get(name, ("", name.replace("_", " ").capitalize()))

    def read(end: str, form: Form, default: str) -> object:
        variable = f"WAIVER_OIDC_{name.upper()}_{end}"
        found = given.get(variable, Given(default, variable, ""))
        try:
            return form.parse(found.text)
        except ValueError:
            problems.append(Problem(found.label, f"{found.label} must be {form.expected}, not {found.text[:100]!r}."))
            return None

    label = given.get(f"WAIVER_OIDC_{name.upper()}_LABEL")
    return OidcProviderSettings(
        name=name,
        label=label.text if label else known_label,
        issuer=str(read("ISSUER", ISSUER, known_issuer)),
        client_id=str(read("CLIENT_ID", CLIENT_ID, "")),
        is_public_client=bool(read("PUBLIC_CLIENT", TRUTH, "false")),
    )
