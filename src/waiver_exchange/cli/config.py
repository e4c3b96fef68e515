"""`waiver config`: the settings that hold, where each was given, and everything that is wrong with them."""

import os
import re
from collections.abc import Mapping, Sequence
from typing import Final

import click

from waiver_exchange.adapters.secrets.errors import SecretsError
from waiver_exchange.adapters.secrets.sources import AUDIT_SIGNING_KEY, MASTER_KEY, find_secret
from waiver_exchange.adapters.secrets.store import Secrets
from waiver_exchange.cli.contradictions import advice, contradictions
from waiver_exchange.cli.failures import EXIT_USAGE
from waiver_exchange.cli.options import common_options
from waiver_exchange.cli.output import print_json, print_result, say
from waiver_exchange.cli.setting_sources import Given, Problem, all_settings
from waiver_exchange.cli.setting_table import PARAMETERS_PLACE, PREFIX, Setting
from waiver_exchange.cli.settings import Configuration, Flags, load_configuration
from waiver_exchange.config import Settings

HIDDEN: Final = "(hidden)"
NOTHING: Final = "-"
_PASSWORD: Final = re.compile(r"(://[^:/?#]*:).*@", re.DOTALL)
_SECRET_QUERY: Final = re.compile(r"([?&][^=&]*(?:pass|secret|key)[^=&]*=)[^&]*", re.IGNORECASE)


@click.group()
def config() -> None:
    """Show and check the settings."""


@config.command()
@common_options
def show(data_dir: str | None, as_json: bool) -> None:  # noqa: FBT001
    """Show every setting as it holds and where it was given; secrets are hidden."""
    found = load_configuration(os.environ, Flags(data_dir=data_dir))
    if found.problems:
        say(f"{_count(found.problems)}: see `waiver config check`")
    rows = [_row(setting, found) for setting in all_settings(found.given)]
    if not as_json:
        rows = [{key: row[key] for key in ("name", "value", "source")} for row in rows]
    print_result({"file": str(found.file) if found.file else None, "settings": rows}, as_json=as_json)


@config.command()
@click.option("--demo", is_flag=True, help="Check it for `waiver serve --demo`.")
@common_options
def check(data_dir: str | None, as_json: bool, demo: bool) -> int:  # noqa: FBT001
    """Say everything that would keep the server from starting; exit code 2 when there is something."""
    found = load_configuration(os.environ, Flags(data_dir=data_dir, is_demo=demo))
    problems = [*found.problems, *contradictions(found.settings), *_of_secrets(found.settings)]
    if as_json:
        told = {"problems": problems, "advice": advice(found.settings)}
        print_json({"ok": not problems} | {name: [one._asdict() for one in ones] for name, ones in told.items()})
        return EXIT_USAGE if problems else 0
    for problem in problems:
        print(problem.message)
    for one in advice(found.settings):
        print(f"advice: {one.message}")
    print(_count(problems) if problems else "ok")
    return EXIT_USAGE if problems else 0


def shown_address(url: str) -> str:
    """Return an address without the password in it; rather too much is hidden than too little."""
    return _SECRET_QUERY.sub(rf"\1{HIDDEN}", _PASSWORD.sub(rf"\1{HIDDEN}@", url))


def _count(problems: Sequence[Problem]) -> str:
    return f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"


def _row(setting: Setting, found: Configuration) -> dict[str, object]:
    value, source = _value(setting, found)
    return {
        "name": setting.name,
        "value": value,
        "source": source,
        "what": setting.what,
        "range": setting.form.range,
        "default": setting.default,
        "example": setting.example,
        "is_secret": setting.is_secret,
    }


def _value(setting: Setting, found: Configuration) -> tuple[str, str]:
    if setting.file_variable:
        return _secret_value(setting, found)
    given = found.given.get(setting.name)
    if given is not None:
        return given.text, given.source
    if setting.place.startswith(PARAMETERS_PLACE):
        return NOTHING, "journal"
    return setting.default, "default"


def _secret_value(setting: Setting, found: Configuration) -> tuple[str, str]:
    """Return what may be shown of a secret or an address, and its source; secrets themselves are not looked at."""
    given = found.given.get(setting.name)
    source = given.source if given else _source_of(setting, found.settings, found.given)
    if not source:
        return NOTHING, "default"
    url = getattr(found.settings, setting.place) if setting.place else ""
    return shown_address(url) if url else HIDDEN, source


def _source_of(setting: Setting, settings: Settings, given: Mapping[str, Given]) -> str:
    named = given.get(setting.file_variable)
    if named is not None:
        return named.text
    try:
        name = setting.name.removeprefix(PREFIX).lower()
        kept = find_secret(settings.secrets, name, directory=Secrets(settings).directory)
    except SecretsError:
        return "unreadable"
    return kept.source if kept is not None else ""


def _of_secrets(settings: Settings) -> list[Problem]:
    """Return what is wrong with secrets; none is made, as the server would in development."""
    problems: list[Problem] = []
    kept = Secrets(settings)
    try:
        if settings.is_production:
            kept.check()
        else:
            for name in (MASTER_KEY, AUDIT_SIGNING_KEY):
                find_secret(settings.secrets, name, directory=kept.directory)
    except SecretsError as error:
        problems.append(Problem("secrets", str(error)))
    # Imported only here: what speaks with providers is slow to load.
    from waiver_exchange.bootstrap.sign_in import client_secret_of  # noqa: PLC0415

    for provider in settings.sign_in.providers:
        try:
            client_secret_of(settings, provider, kept)
        except SecretsError as error:
            problems.append(Problem(f"WAIVER_OIDC_{provider.name.upper()}_CLIENT_SECRET", str(error)))
    return problems
