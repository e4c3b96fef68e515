"""Settings that make no sense together are refused, each in a sentence of its own."""

from dataclasses import replace
from pathlib import Path

import pytest

from waiver_exchange.cli.contradictions import advice, contradictions
from waiver_exchange.cli.settings import Flags, read_settings
from waiver_exchange.config import Settings, SignInSettings

DEVELOPMENT = Settings(data_dir=Path("data"))
PRODUCTION = replace(DEVELOPMENT, is_production=True, sign_in=SignInSettings(public_url="https://exchange.example.org"))
SERVICE = "postgresql://waiver_service@db/waiver"
OWNER = "postgresql://waiver_owner@db/waiver"
STRONG = "Vb7pQ2xZ9kLm4RtYw8"


def refused(settings: Settings) -> list[str]:
    return [problem.setting for problem in contradictions(settings)]


def test_plain_settings_contradict_nothing() -> None:
    assert refused(DEVELOPMENT) == refused(PRODUCTION) == []
    full = replace(
        PRODUCTION, database_url=SERVICE, database_owner_url=OWNER, workers=2, redis_url="redis://r", fan_out="redis"
    )
    assert refused(full) == []


WEAK = "postgres"


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (replace(DEVELOPMENT, workers=2), "WAIVER_WORKERS"),
        (replace(DEVELOPMENT, workers=2, database_url=SERVICE, fan_out="redis"), "WAIVER_FAN_OUT"),
        (replace(DEVELOPMENT, redis_url="redis://r", fan_out="redis"), "WAIVER_FAN_OUT"),
        (replace(DEVELOPMENT, database_owner_url=OWNER), "WAIVER_DATABASE_OWNER_URL"),
        (replace(DEVELOPMENT, database_url=SERVICE, database_owner_url=f"{OWNER}2"), "WAIVER_DATABASE_OWNER_URL"),
        (replace(PRODUCTION, database_url=SERVICE, database_owner_url=SERVICE), "WAIVER_DATABASE_URL"),
        (replace(PRODUCTION, database_url=f"postgresql://w:{WEAK}@db/waiver"), "WAIVER_DATABASE_URL"),
        (replace(PRODUCTION, redis_url="redis://:changeme@redis"), "WAIVER_REDIS_URL"),
        (replace(PRODUCTION, sign_in=SignInSettings(public_url="https://192.0.2.7")), "WAIVER_PUBLIC_URL"),
        (replace(PRODUCTION, sign_in=SignInSettings(public_url="https://[2001:db8::1]")), "WAIVER_PUBLIC_URL"),
        (
            replace(DEVELOPMENT, sign_in=SignInSettings(sign_up_domains=("example.org",))),
            "WAIVER_SIGN_UP_DOMAINS",
        ),
        (
            replace(DEVELOPMENT, parameters={"lifetime_ns_default": 2, "lifetime_ns_max": 1}),
            "WAIVER_LIFETIME_DAYS_DEFAULT",
        ),
    ],
)
def test_a_contradiction_is_refused(settings: Settings, named: str) -> None:
    assert refused(settings) == [named]


def test_a_password_that_is_none_is_not_repeated() -> None:
    (problem,) = contradictions(replace(PRODUCTION, redis_url="redis://:changeme@redis"))
    assert "changeme" not in problem.message
    assert refused(replace(PRODUCTION, redis_url=f"redis://:{STRONG}@redis")) == []
    assert refused(replace(DEVELOPMENT, redis_url="redis://:changeme@redis")) == []


def test_what_is_probably_not_meant_is_advised() -> None:
    settings = read_settings(
        {"WAIVER_PUBLIC_URL": "http://192.0.2.7", "WAIVER_WORKERS": "2", "WAIVER_DATABASE_URL": SERVICE}, Flags()
    )
    assert [one.setting for one in advice(settings)] == ["WAIVER_PUBLIC_URL", "WAIVER_REDIS_URL"]
    assert [one.setting for one in advice(PRODUCTION)] == ["WAIVER_TRUSTED_PROXIES"]
    assert advice(DEVELOPMENT) == []
