"""Where settings are given: flags before the environment before a configuration file; each text keeps its source."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Final, NamedTuple

from waiver_exchange.cli.setting_table import (
    CLIENT,
    PARAMETERS,
    PREFIX,
    PROVIDER,
    PROVIDER_PLACE,
    SERVICE,
    Setting,
    settings_of_provider,
)
from waiver_exchange.cli.setting_values import split_list

CONFIG: Final = "WAIVER_CONFIG"
CONFIG_DEFAULT: Final = Path("/etc/waiver/waiver.toml")
ENVIRONMENT: Final = "environment"
FILE_BYTES_MAX: Final = 1_000_000
_CLOSE: Final = 0.8
_OIDC: Final = "WAIVER_OIDC_"
_PROVIDERS: Final = "WAIVER_OIDC_PROVIDERS"
_FILE: Final = "_FILE"


class Given(NamedTuple):
    """The text of a setting; `label` is what it is called where it was given, `source` where that is."""

    text: str
    label: str
    source: str


class Problem(NamedTuple):
    """What is wrong with a setting, in a sentence that says what to do."""

    setting: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What was given, by variable, and what of it is no setting; `file` is the configuration file that was read."""

    given: dict[str, Given] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    file: Path | None = None


class FileUnusableError(Exception):
    """The configuration file cannot be used; the message says why."""


def gather(environment: Mapping[str, str], flags: Mapping[str, Given], *, default_file: Path | None) -> Gathered:
    """Return all that is given, by variable; an empty variable counts as unset.

    `flags` are by variable too. Without a configuration file that is named, `default_file` is read if it is there.
    """
    own = {
        name: Given(text, name, ENVIRONMENT) for name, text in environment.items() if name.startswith(PREFIX) and text
    }
    named = flags.get(CONFIG) or own.get(CONFIG)
    file = Path(named.text) if named else default_file if default_file and default_file.exists() else None
    problems: list[Problem] = []
    in_file: dict[str, Given] = {}
    if file is not None:
        try:
            in_file = _read_file(file)
        except FileUnusableError as error:
            problems.append(Problem(CONFIG, str(error)))
    given = _merge(in_file, own, flags)
    names = _known_names(given)
    for name, one in list(given.items()):
        if name not in names:
            problems.append(Problem(one.label, _unknown(one, name, names)))
            del given[name]
    problems += list(_secrets_in_file(in_file, file))
    problems += list(_given_twice(own))
    return Gathered(given=given, problems=problems, file=file)


def all_settings(given: Mapping[str, Given]) -> list[Setting]:
    """Return every setting there is, with those of the providers that are named."""
    return [*SERVICE, *_provider_settings(given), *PARAMETERS]


def _provider_settings(given: Mapping[str, Given]) -> list[Setting]:
    names = split_list(given[_PROVIDERS].text) if _PROVIDERS in given else []
    return [setting for name in names for setting in settings_of_provider(name.upper())]


def _merge(*layers: Mapping[str, Given]) -> dict[str, Given]:
    """Return what counts, the last layer first; a secret and the name of its file are one setting."""
    merged: dict[str, Given] = {}
    for layer in layers:
        for name in layer:
            merged.pop(name.removesuffix(_FILE) if name.endswith(_FILE) else name + _FILE, None)
        merged.update(layer)
    return merged


def _known_names(given: Mapping[str, Given]) -> set[str]:
    server = all_settings(given)
    names = {setting.name for setting in (*server, *CLIENT)}
    return names | {setting.file_variable for setting in server if setting.file_variable}


def _unknown(one: Given, name: str, names: set[str]) -> str:
    if name.startswith(_OIDC) and any(name.endswith(_end_of(setting)) for setting in PROVIDER):
        what, remedy = f"of a provider that {_PROVIDERS} does not name", "Name it there, or leave this out."
    else:
        what, remedy = "no setting", "`waiver config show` lists those there are."
    near = get_close_matches(name, sorted(names), n=1, cutoff=_CLOSE)
    if near:
        remedy = f"Did you mean {near[0] if one.label == name else near[0].removeprefix(PREFIX).lower()}?"
    return f"{one.label} is {what}. {remedy}"


def _end_of(setting: Setting) -> str:
    return setting.name.rpartition(PROVIDER_PLACE)[2]


def _given_twice(own: Mapping[str, Given]) -> Iterator[Problem]:
    for name in own:
        if name + _FILE in own:
            yield Problem(name, f"{name} and {name}_FILE are both given; unset one of them.")


def _secrets_in_file(in_file: Mapping[str, Given], file: Path | None) -> Iterator[Problem]:
    for setting in (*SERVICE, *_provider_settings(in_file), *CLIENT):
        if setting.is_secret and setting.name in in_file:
            yield Problem(
                setting.key,
                f"{setting.key} does not belong into {file}; keep it in a file of its own and name that as "
                f"{setting.key}_file.",
            )


def _read_file(file: Path) -> dict[str, Given]:
    try:
        with file.open("rb") as opened:
            content = opened.read(FILE_BYTES_MAX + 1)
        if len(content) > FILE_BYTES_MAX:
            raise FileUnusableError(f"The configuration file {file} is longer than {FILE_BYTES_MAX} bytes.")
        # Decimals stay text: what is money is read exactly.
        table = tomllib.loads(content.decode(), parse_float=str)
    except OSError as error:
        raise FileUnusableError(f"The configuration file {file} cannot be read ({error.strerror}).") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FileUnusableError(f"The configuration file {file} is no TOML: {error}.") from error
    found: dict[str, Given] = {}
    for key, value in _flat(table, ""):
        name = PREFIX + key.upper()
        if name in found or key != key.lower() or name == CONFIG:
            raise FileUnusableError(
                f"In the configuration file {file} {key} stands twice, in capitals, or names another one."
            )
        text = _text_of(value)
        if text is None:
            raise FileUnusableError(f"In the configuration file {file} {key} is neither text, number, truth nor list.")
        if text:
            found[name] = Given(text, f"{key} in {file}", str(file))
    return found


def _flat(table: Mapping[str, object], before: str) -> Iterator[tuple[str, object]]:
    """Yield every value; the name of a table stands before those of its keys."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{key}_")
        else:
            yield before + key, value


def _text_of(value: object) -> str | None:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | str():
            return str(value)
        case list():
            parts = [_text_of(part) for part in value]
            return None if None in parts else ", ".join(part for part in parts if part)
        case _:
            return None
