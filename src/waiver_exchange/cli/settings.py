"""Flags, environment and configuration file into `config.Settings`, once, with everything that is wrong about them."""

import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

from waiver_exchange.adapters.secrets.addresses import with_addresses
from waiver_exchange.adapters.secrets.errors import SecretsError
from waiver_exchange.application.operating.four_eyes import FOUR_EYES_DEFAULT
from waiver_exchange.cli.failures import EXIT_USAGE, CommandFailedError
from waiver_exchange.cli.setting_sources import CONFIG, CONFIG_DEFAULT, Given, Problem, all_settings, gather
from waiver_exchange.cli.setting_table import PARAMETERS_PLACE, SERVICE, Setting
from waiver_exchange.cli.sign_in_settings import read_provider
from waiver_exchange.config import SecretSettings, Settings

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

DATA_DIR_DEFAULT: Final = "data"
_T = TypeVar("_T", bound="DataclassInstance")
_PROVIDERS: Final = "WAIVER_OIDC_PROVIDERS"
_ADDRESSES: Final = frozenset(setting.name for setting in SERVICE if setting.may_hold_secret)
OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
OTHERS_READ: Final = stat.S_IRGRP | stat.S_IROTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """What the command line gave; None leaves it to the environment."""

    config: str | None = None
    data_dir: str | None = None
    host: str | None = None
    port: str | None = None
    workers: str | None = None
    is_demo: bool = False

    def by_variable(self) -> dict[str, Given]:
        """Return what was given by the variables that it goes before."""
        pairs = {
            CONFIG: ("--config", self.config),
            "WAIVER_DATA_DIR": ("--data-dir", self.data_dir),
            "WAIVER_HOST": ("--host", self.host),
            "WAIVER_PORT": ("--port", self.port),
            "WAIVER_WORKERS": ("--workers", self.workers),
        }
        return {name: Given(text, flag, flag) for name, (flag, text) in pairs.items() if text is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """The settings, where each was given, and what is wrong with them; what is wrong has its default."""

    settings: Settings
    given: Mapping[str, Given]
    problems: tuple[Problem, ...]
    file: Path | None = None


def load_settings(environment: Mapping[str, str], flags: Flags) -> Settings:
    """Return the settings of a command, with the configuration file and the addresses that are kept with the secrets.

    Raises `CommandFailedError` with all that is wrong.
    """
    found = load_configuration(environment, flags)
    refuse_all(found.problems)
    return found.settings


def load_configuration(environment: Mapping[str, str], flags: Flags) -> Configuration:
    """Return what `load_settings` does, and what is wrong beside it."""
    found = read_configuration(environment, flags, default_file=CONFIG_DEFAULT)
    try:
        return replace(found, settings=with_addresses(found.settings))
    except SecretsError as error:
        return replace(found, problems=(*found.problems, Problem("secrets", str(error))))


def read_settings(environment: Mapping[str, str], flags: Flags) -> Settings:
    """Return the settings as they are given, without looking for files that nobody named.

    Raises `CommandFailedError` naming the flag or variable that is wrong.
    """
    found = read_configuration(environment, flags)
    refuse_all(found.problems)
    return found.settings


def read_configuration(
    environment: Mapping[str, str], flags: Flags, *, default_file: Path | None = None
) -> Configuration:
    """Return the settings: flags before environment before file before defaults; an empty text counts as unset."""
    gathered = gather(environment, flags.by_variable(), default_file=default_file)
    given, problems = gathered.given, gathered.problems
    values = dict(_values(given, problems))
    settings = _with(Settings(data_dir=Path(DATA_DIR_DEFAULT)), values)
    parameters: dict[str, Any] = {
        place.removeprefix(PARAMETERS_PLACE): value for place, value in values.items() if _is_parameter(place)
    }
    names: Any = _parsed(given, _PROVIDERS, problems) or ()
    providers = tuple(read_provider(given, name, problems) for name in names)
    if "four_eyes" not in values and settings.is_production:
        settings = replace(settings, four_eyes=frozenset(FOUR_EYES_DEFAULT))
    settings = replace(
        settings,
        is_demo=flags.is_demo,
        sign_in=replace(settings.sign_in, providers=providers),
        secrets=_secret_settings(settings.secrets, given, environment),
        parameters=parameters,
    )
    if settings.is_production and gathered.file is not None:
        problems += _open_file(gathered.file, given)
    return Configuration(settings=settings, given=given, problems=tuple(problems), file=gathered.file)


def refuse_all(problems: Iterable[Problem]) -> None:
    """Raise `CommandFailedError` with all problems, when there are some."""
    found = list(problems)
    if found:
        _fail(found)


def _fail(problems: list[Problem]) -> NoReturn:
    raise CommandFailedError(
        code="setting_is_wrong",
        message=" ".join(problem.message for problem in problems),
        exit_code=EXIT_USAGE,
        details={"setting": problems[0].setting},
    )


def _values(given: Mapping[str, Given], problems: list[Problem]) -> Iterable[tuple[str, object]]:
    """Yield the value of each setting that is given, by its place in the tree."""
    for setting in all_settings(given):
        if setting.place and setting.name in given:
            value = _read(setting, given[setting.name], problems)
            if value is not None:
                yield setting.place, value


def _parsed(given: Mapping[str, Given], name: str, problems: list[Problem]) -> object:
    (setting,) = (setting for setting in all_settings({}) if setting.name == name)
    return _read(setting, given[name], problems) if name in given else None


def _read(setting: Setting, given: Given, problems: list[Problem]) -> object:
    try:
        return setting.form.parse(given.text)
    except ValueError:
        unsaid = "" if setting.may_hold_secret else f", not {given.text[:100]!r}"
        problems.append(Problem(given.label, f"{given.label} must be {setting.form.expected}{unsaid}."))
        return None


def _open_file(file: Path, given: Mapping[str, Given]) -> Iterable[Problem]:
    """Yield what is wrong with who may change the file, or read what may hold a password in it."""
    try:
        mode = file.stat().st_mode
    except OSError:
        return  # that it cannot be read was said
    if not stat.S_ISREG(mode):
        return
    if mode & OTHERS_WRITE:
        yield Problem(CONFIG, f"Others may change the configuration file {file}; close it: chmod go-w {file}")
    held = [one.label for name, one in given.items() if name in _ADDRESSES and one.source == str(file)]
    if held and mode & OTHERS_READ:
        yield Problem(CONFIG, f"Others may read {held[0]}, which may hold a password; close it: chmod 600 {file}")


def _with(tree: _T, values: Mapping[str, object]) -> _T:
    """Return a dataclass with values by place; a dot leads to a dataclass in it."""
    own = {place: value for place, value in values.items() if "." not in place}
    inner: dict[str, dict[str, object]] = {}
    for place, value in values.items():
        head, dot, rest = place.partition(".")
        if dot and not _is_parameter(place):
            inner.setdefault(head, {})[rest] = value
    changed = {head: _with(_branch(tree, head), rest) for head, rest in inner.items()}
    return replace(tree, **own, **changed)


def _branch(tree: object, name: str) -> Any:  # noqa: ANN401 - a dataclass
    branch = getattr(tree, name)
    if not is_dataclass(branch):
        raise TypeError(name)
    return branch


def _is_parameter(place: str) -> bool:
    return place.startswith(PARAMETERS_PLACE)


def _secret_settings(
    chosen: SecretSettings, given: Mapping[str, Given], environment: Mapping[str, str]
) -> SecretSettings:
    credentials = environment.get("CREDENTIALS_DIRECTORY")
    held = {setting.name for setting in all_settings(given) if setting.is_secret}
    files = {setting.file_variable for setting in all_settings(given) if setting.file_variable}
    return replace(
        chosen,
        credentials_directory=Path(credentials) if credentials else None,
        given={name: one.text for name, one in given.items() if name in held | files},
    )
