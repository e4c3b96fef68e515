"""How people sign in, from the environment, and what is refused before anything listens."""

from dataclasses import replace
from pathlib import Path

import pytest

from waiver_exchange.adapters.secrets.errors import SecretsError
from waiver_exchange.adapters.secrets.making import make_secrets
from waiver_exchange.bootstrap import open_exchange
from waiver_exchange.cli.contradictions import check_served
from waiver_exchange.cli.failures import EXIT_USAGE, CommandFailedError
from waiver_exchange.cli.settings import Flags, read_settings
from waiver_exchange.config import OidcProviderSettings, SecretSettings, Settings, SignInSettings

GOOGLE = {"WAIVER_OIDC_PROVIDERS": "google", "WAIVER_OIDC_GOOGLE_CLIENT_ID": "id.apps.example"}
LEAGUE = {
    "WAIVER_OIDC_PROVIDERS": "league",
    "WAIVER_OIDC_LEAGUE_ISSUER": "https://id.league.example/realm",
    "WAIVER_OIDC_LEAGUE_CLIENT_ID": "waiver",
}
DEMO = Settings(data_dir=Path("data"), is_demo=True)
PUBLIC = SignInSettings(public_url="https://exchange.example")


def sign_in_of(environment: dict[str, str]) -> SignInSettings:
    """Return how people sign in by these variables."""
    return read_settings(environment, Flags()).sign_in


def refused(settings: Settings) -> str:
    """Return the setting that keeps the exchange from being served."""
    with pytest.raises(CommandFailedError) as caught:
        check_served(settings)
    assert caught.value.exit_code == EXIT_USAGE
    return str(caught.value.details["setting"])


def wrong(environment: dict[str, str]) -> str:
    """Return the variable that is named as wrong."""
    with pytest.raises(CommandFailedError) as caught:
        sign_in_of(environment)
    assert caught.value.exit_code == EXIT_USAGE
    name = str(caught.value.details["setting"])
    assert name in str(caught.value)
    return name


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
@pytest.mark.parametrize("url", ["", "http://localhost:8081", "http://127.0.0.1:8081", "http://[::1]:8081"])
def test_a_demonstration_is_served_on_this_machine(host: str, url: str) -> None:
    check_served(replace(DEMO, host=host, sign_in=SignInSettings(public_url=url)))


@pytest.mark.parametrize(
    "host",
    [
        "0.0.0.0",  # noqa: S104 - text only
        "::",
        "192.0.2.7",
        "example.org",
        "localhost.example.org",
        "127.0.0.1.example.org",
        "",
        "::ffff:0.0.0.0",
    ],
)
def test_a_demonstration_that_others_reach_is_refused(host: str) -> None:
    assert refused(replace(DEMO, host=host)) == "--demo"
    check_served(replace(DEMO, host=host, is_demo=False))


def test_a_demonstration_in_production_is_refused() -> None:
    assert refused(replace(DEMO, is_production=True, sign_in=PUBLIC)) == "--demo"
    check_served(replace(DEMO, is_production=True, is_demo=False, sign_in=PUBLIC))


@pytest.mark.parametrize("proxies", [("127.0.0.1",), ("10.0.0.0/8", "::1")])
def test_a_demonstration_behind_a_proxy_is_refused(proxies: tuple[str, ...]) -> None:
    assert refused(replace(DEMO, trusted_proxies=proxies)) == "WAIVER_TRUSTED_PROXIES"
    check_served(replace(DEMO, trusted_proxies=proxies, is_demo=False))


@pytest.mark.parametrize("url", ["https://exchange.example", "http://192.0.2.7:8081", "http://localhost.example:8081"])
def test_a_demonstration_under_an_address_elsewhere_is_refused(url: str) -> None:
    assert refused(replace(DEMO, sign_in=SignInSettings(public_url=url))) == "WAIVER_PUBLIC_URL"
    check_served(replace(DEMO, sign_in=SignInSettings(public_url=url), is_demo=False))


@pytest.mark.parametrize("url", ["", "http://exchange.example", "http://localhost:8081"])
def test_production_without_an_https_address_is_refused(url: str) -> None:
    settings = Settings(data_dir=Path("data"), is_production=True, sign_in=SignInSettings(public_url=url))
    assert refused(settings) == "WAIVER_PUBLIC_URL"


def test_a_demonstration_is_refused_from_the_command_line_on() -> None:
    environment = {"WAIVER_TRUSTED_PROXIES": "127.0.0.1"}
    assert refused(read_settings(environment, Flags(is_demo=True))) == "WAIVER_TRUSTED_PROXIES"
    assert refused(read_settings({}, Flags(is_demo=True, host="0.0.0.0"))) == "--demo"  # noqa: S104 - text only


def test_providers_are_read_in_their_order_and_once() -> None:
    both = "league, google,league,"
    found = sign_in_of(GOOGLE | LEAGUE | {"WAIVER_OIDC_PROVIDERS": both}).providers
    assert found == (
        OidcProviderSettings(
            name="league", label="League", issuer="https://id.league.example/realm", client_id="waiver"
        ),
        OidcProviderSettings(
            name="google", label="Google", issuer="https://accounts.google.com", client_id="id.apps.example"
        ),
    )
    (named,) = sign_in_of(LEAGUE | {"WAIVER_OIDC_LEAGUE_LABEL": "The League"}).providers
    assert named.label == "The League"
    (public,) = sign_in_of(LEAGUE | {"WAIVER_OIDC_LEAGUE_PUBLIC_CLIENT": "true"}).providers
    assert public.is_public_client
    assert sign_in_of({}) == SignInSettings()


@pytest.mark.parametrize("name", ["Google", "demo", "providers", "a/b", "1st", "x" * 21, "lig\u00e4", "a-b"])
def test_a_name_that_cannot_stand_in_an_address_is_refused(name: str) -> None:
    assert wrong({"WAIVER_OIDC_PROVIDERS": name}) == "WAIVER_OIDC_PROVIDERS"


@pytest.mark.parametrize(
    "issuer",
    [
        "",
        "http://id.league.example",
        "id.league.example",
        "https://",
        "ftp://id.league.example",
        "https://id.league.example?x=1",
        "https://id.league.example#x",
        "http://localhost.example",
    ],
)
def test_an_issuer_that_others_could_speak_for_is_refused(issuer: str) -> None:
    assert wrong(LEAGUE | {"WAIVER_OIDC_LEAGUE_ISSUER": issuer}) == "WAIVER_OIDC_LEAGUE_ISSUER"


@pytest.mark.parametrize("issuer", ["http://localhost:4000", "http://127.0.0.1:4000/realm", "http://[::1]:4000"])
def test_an_issuer_on_this_machine_needs_no_https(issuer: str) -> None:
    (found,) = sign_in_of(LEAGUE | {"WAIVER_OIDC_LEAGUE_ISSUER": issuer}).providers
    assert found.issuer == issuer


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("WAIVER_OIDC_LEAGUE_CLIENT_ID", ""),
        ("WAIVER_OIDC_LEAGUE_CLIENT_ID", "two words"),
        ("WAIVER_OIDC_LEAGUE_CLIENT_ID", "line\n"),
        ("WAIVER_OIDC_LEAGUE_PUBLIC_CLIENT", "yes"),
        ("WAIVER_SIGN_UP", "everybody"),
        ("WAIVER_SIGN_UP_DOMAINS", "a@example.org"),
        ("WAIVER_SIGN_UP_DOMAINS", "example.org, *"),
        ("WAIVER_PUBLIC_URL", "exchange.example"),
        ("WAIVER_PUBLIC_URL", "https://exchange.example/path"),
        ("WAIVER_PUBLIC_URL", "https://ann@exchange.example"),
        ("WAIVER_PUBLIC_URL", "https://exchange.example:port"),
        ("WAIVER_STARTING_CASH_DOLLARS", "-1"),
        ("WAIVER_STARTING_CASH_DOLLARS", "lots"),
    ],
)
def test_what_is_wrong_is_named(variable: str, value: str) -> None:
    assert wrong(LEAGUE | {variable: value}) == variable


def test_domains_are_asked_for_where_they_decide() -> None:
    assert refused(read_settings({"WAIVER_SIGN_UP": "domains"}, Flags())) == "WAIVER_SIGN_UP_DOMAINS"
    found = sign_in_of({"WAIVER_SIGN_UP": "domains", "WAIVER_SIGN_UP_DOMAINS": "Example.org, b.example"})
    assert (found.sign_up, found.sign_up_domains) == ("domains", ("example.org", "b.example"))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://Exchange.Example/", "https://exchange.example"),
        ("https://exchange.example:443", "https://exchange.example"),
        ("http://exchange.example:80", "http://exchange.example"),
        ("http://localhost:8081", "http://localhost:8081"),
    ],
)
def test_the_public_address_is_kept_as_browsers_name_it(given: str, kept: str) -> None:
    assert sign_in_of({"WAIVER_PUBLIC_URL": given}).public_url == kept


def test_the_variables_of_a_provider_are_no_typing_errors() -> None:
    known = [
        *LEAGUE,
        "WAIVER_OIDC_LEAGUE_LABEL",
        "WAIVER_OIDC_LEAGUE_PUBLIC_CLIENT",
        "WAIVER_OIDC_LEAGUE_CLIENT_SECRET",
    ]
    read_settings(dict.fromkeys(known, "true") | LEAGUE, Flags())
    with pytest.raises(CommandFailedError, match="WAIVER_OIDC_LEAGUE_SECRET is no setting"):
        read_settings(LEAGUE | {"WAIVER_OIDC_LEAGUE_SECRET": "x"}, Flags())
    with pytest.raises(CommandFailedError, match=r"LEAUGE_LABEL is of a provider .* Did you mean WAIVER_OIDC_LEAGUE_"):
        read_settings(LEAGUE | {"WAIVER_OIDC_LEAUGE_LABEL": "x"}, Flags())


@pytest.mark.parametrize("is_production", [False, True])
async def test_a_client_without_a_secret_is_meant_in_production(tmp_path: Path, *, is_production: bool) -> None:
    make_secrets(tmp_path / "secrets")
    league = OidcProviderSettings(name="league", label="L", issuer="https://id.example", client_id="waiver")
    settings = Settings(
        data_dir=tmp_path / "data",
        is_production=is_production,
        secrets=SecretSettings(directory=tmp_path / "secrets"),
        sign_in=replace(PUBLIC, providers=(league,)),
    )
    (tmp_path / "data").mkdir(mode=0o700)
    if is_production:
        with pytest.raises(SecretsError, match=r"oidc_league_client_secret is missing.*PUBLIC_CLIENT"):
            await open_exchange(settings)
        meant = replace(PUBLIC, providers=(replace(league, is_public_client=True),))
        settings = replace(settings, sign_in=meant)
    exchange = await open_exchange(settings)
    assert list(exchange.sign_in.providers) == ["league"]
    await exchange.close()
