"""Where secrets come from, and which of them production refuses."""

import os
import subprocess
from pathlib import Path

import pytest

from waiver_exchange.adapters.secrets.addresses import with_addresses
from waiver_exchange.adapters.secrets.errors import SecretsError
from waiver_exchange.adapters.secrets.making import make_secrets
from waiver_exchange.adapters.secrets.store import Secrets
from waiver_exchange.adapters.secrets.strength import decode_key, encode_key
from waiver_exchange.config import SecretSettings, Settings


def settings_of(folder: Path, *, is_production: bool = False, **secrets: object) -> Settings:
    given = secrets.pop("given", {})
    return Settings(
        data_dir=folder / "data",
        is_production=is_production,
        secrets=SecretSettings(given=given, **secrets),  # type: ignore[arg-type]
    )


def in_production(folder: Path, **given: str) -> Secrets:
    return Secrets(settings_of(folder, is_production=True, given=given))


def test_development_makes_its_keys_once_and_closes_them(tmp_path: Path) -> None:
    secrets = Secrets(settings_of(tmp_path))
    key = secrets.master_key
    assert len(key) == 32
    assert secrets.master_key == key != secrets.audit_signing_key
    folder = tmp_path / "data" / "secrets"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [file.stat().st_mode & 0o777 for file in sorted(folder.iterdir())] == [0o600, 0o600]


def test_a_master_key_that_was_there_is_not_made_again(tmp_path: Path) -> None:
    with pytest.raises(SecretsError, match="bring back"):
        _ = Secrets(settings_of(tmp_path), may_make_master_key=False).master_key
    assert not (tmp_path / "data").exists()


def test_the_environment_goes_before_its_file_the_credentials_and_the_directory(tmp_path: Path) -> None:
    keys = [os.urandom(32) for _ in range(4)]
    places = [tmp_path / name for name in ("named", "credentials", "directory")]
    for place, key in zip(places, keys[1:], strict=True):
        place.mkdir()
        (place / "master_key").write_text(encode_key(key) + "\n")
    given = {"WAIVER_MASTER_KEY": keys[0].hex(), "WAIVER_MASTER_KEY_FILE": str(places[0] / "master_key")}
    found = []
    for _ in range(2):
        secrets = SecretSettings(given=dict(given), credentials_directory=places[1], directory=places[2])
        found.append(Secrets(Settings(data_dir=tmp_path / "data", secrets=secrets)).master_key)
        given.pop(next(iter(given)))
    secrets = SecretSettings(credentials_directory=places[1], directory=places[2])
    found.append(Secrets(Settings(data_dir=tmp_path / "data", secrets=secrets)).master_key)
    (places[1] / "master_key").unlink()
    found.append(Secrets(Settings(data_dir=tmp_path / "data", secrets=secrets)).master_key)
    assert found == keys


def test_what_is_made_is_good_enough_for_production_and_never_overwritten(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    assert make_secrets(folder) == ["master_key", "audit_signing_key"]
    before = [file.read_bytes() for file in sorted(folder.iterdir())]
    assert make_secrets(folder) == []
    assert [file.read_bytes() for file in sorted(folder.iterdir())] == before
    Secrets(settings_of(tmp_path, is_production=True, directory=folder)).check()


def test_secrets_are_not_made_where_others_may_enter(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    (tmp_path / "open").chmod(0o755)
    with pytest.raises(SecretsError, match="chmod 700"):
        make_secrets(tmp_path / "open")


def test_production_makes_nothing_and_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SecretsError, match=r"no master_key.*waiver secrets init"):
        in_production(tmp_path).check()
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("key", "says"),
    [
        (bytes(32), "repeats"),
        (b"ab" * 16, "repeats"),
        (bytes(range(32)), "counts"),
        (bytes(range(255, 191, -2)), "counts"),
        (b"The quick brown fox jumps: 0123!", "written text"),
    ],
)
def test_keys_that_were_not_drawn_by_chance_are_refused_in_production(tmp_path: Path, key: bytes, says: str) -> None:
    with pytest.raises(SecretsError, match=f"WAIVER_MASTER_KEY is not accepted in production: it .*{says}"):
        in_production(tmp_path, WAIVER_MASTER_KEY=key.hex()).check()
    assert Secrets(settings_of(tmp_path, given={"WAIVER_MASTER_KEY": key.hex()})).master_key == key


@pytest.mark.parametrize("text", ["short", "ab" * 31, "not base64 " * 4, encode_key(bytes(31)), encode_key(bytes(33))])
def test_what_is_no_key_is_refused_everywhere_and_not_quoted(tmp_path: Path, text: str) -> None:
    with pytest.raises(SecretsError, match="is no key") as refused:
        _ = Secrets(settings_of(tmp_path, given={"WAIVER_MASTER_KEY": text})).master_key
    assert text not in str(refused.value)


def test_one_key_for_two_purposes_is_refused_in_production(tmp_path: Path) -> None:
    key = os.urandom(32).hex()
    with pytest.raises(SecretsError, match="are the same"):
        in_production(tmp_path, WAIVER_MASTER_KEY=key, WAIVER_AUDIT_SIGNING_KEY=key).check()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_key_that_others_can_read_is_refused_in_production(tmp_path: Path, mode: int) -> None:
    make_secrets(tmp_path / "secrets")
    (tmp_path / "secrets" / "master_key").chmod(mode)
    with pytest.raises(SecretsError, match="chmod 600"):
        Secrets(settings_of(tmp_path, is_production=True, directory=tmp_path / "secrets")).check()


def test_a_key_beside_the_data_is_refused_in_production(tmp_path: Path) -> None:
    make_secrets(tmp_path / "data" / "keys")
    (tmp_path / "elsewhere").symlink_to(tmp_path / "data" / "keys")
    with pytest.raises(SecretsError, match="lies in the data directory"):
        Secrets(settings_of(tmp_path, is_production=True, directory=tmp_path / "elsewhere")).check()


@pytest.mark.parametrize("version", ["2", "4"])
def test_a_committed_key_is_refused_in_production(tmp_path: Path, version: str) -> None:
    folder = tmp_path / "repository" / "deploy" / "secrets"
    make_secrets(folder)
    (tmp_path / "repository" / "README").write_text("of a project")
    secrets = Secrets(settings_of(tmp_path, is_production=True, directory=folder))
    git(tmp_path / "repository", "init", "--quiet")
    git(tmp_path / "repository", "config", "index.version", version)
    git(tmp_path / "repository", "add", "README")
    secrets.check()
    git(tmp_path / "repository", "add", "deploy/secrets/audit_signing_key", "deploy/secrets/master_key")
    with pytest.raises(SecretsError, match="is committed to the git repository"):
        secrets.check()


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", folder, *arguments], check=True)  # noqa: S603, S607 - the tests' own arguments


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("changeme-changeme-changeme", "default"),
        ("your-client-secret-goes-here", "default"),
        ("k3Jq9", "shorter"),
        ("abababababababababababab", "repeats"),
        (" ", "empty"),
    ],
)
def test_client_secrets_that_are_none_are_refused_in_production(tmp_path: Path, text: str, says: str) -> None:
    name = "WAIVER_OIDC_LEAGUE_CLIENT_SECRET"
    with pytest.raises(SecretsError, match=says):
        in_production(tmp_path, **{name: text}).read("oidc_league_client_secret")
    assert Secrets(settings_of(tmp_path, given={name: text})).read("oidc_league_client_secret") == text.strip()


def test_a_secret_that_nobody_gave_is_none(tmp_path: Path) -> None:
    assert in_production(tmp_path).read("oidc_league_client_secret") is None


def test_a_named_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    given = {"WAIVER_MASTER_KEY_FILE": str(tmp_path / "nowhere")}
    with pytest.raises(SecretsError, match=r"WAIVER_MASTER_KEY_FILE .*nowhere.* cannot be read"):
        _ = Secrets(settings_of(tmp_path, given=given)).master_key


def test_a_key_may_be_written_in_three_ways() -> None:
    key = os.urandom(32)
    assert decode_key(key.hex()) == decode_key(encode_key(key)) == decode_key(encode_key(key) + "=") == key


def test_the_address_of_redis_may_come_from_a_file_and_is_never_quoted(tmp_path: Path) -> None:
    file = tmp_path / "redis_url"
    file.write_text("redis://:hush@localhost:6379/0\n")
    file.chmod(0o600)
    given = {"WAIVER_REDIS_URL_FILE": str(file)}
    for is_production in (False, True):
        settings = settings_of(tmp_path, is_production=is_production, given=given)
        assert with_addresses(settings).redis_url == "redis://:hush@localhost:6379/0"
        assert "hush" not in repr(settings)
    assert (
        with_addresses(settings_of(tmp_path, credentials_directory=tmp_path)).redis_url
        == "redis://:hush@localhost:6379/0"
    )
    assert with_addresses(settings_of(tmp_path)).redis_url == ""
    file.chmod(0o644)
    with pytest.raises(SecretsError, match="Others may read"):
        with_addresses(settings_of(tmp_path, is_production=True, given=given))
    file.write_text("http://:hush@localhost\n")
    with pytest.raises(SecretsError, match="no address") as raised:
        with_addresses(settings_of(tmp_path, given=given))
    assert "hush" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://waiver_service:p%25w@db:5432/waiver",
        "postgresql://waiver_service@%2Fvar%2Frun/waiver",
        "postgresql:///waiver?host=/var/run&user=waiver_service",
        "postgres://u:p@[::1]:5432/waiver?sslmode=require",
    ],
)
def test_address_of_a_database(tmp_path: Path, url: str) -> None:
    assert with_addresses(settings_of(tmp_path, given={"WAIVER_DATABASE_URL": url})).database_url == url


@pytest.mark.parametrize(
    "password_and_place",
    [
        "se%zzcret@db/waiver",
        "se%00cret@db/waiver",
        "se/cret@db/waiver",
        "se@cret@db/waiver",
        "se?cret@db/waiver",
        "secret@db:5432,other:5432/waiver",
        "secret@db,other/waiver",
        "secret@/waiver?host=db,other",
        "secret@db:99999/waiver",
    ],
)
@pytest.mark.parametrize("name", ["WAIVER_DATABASE_URL", "WAIVER_DATABASE_OWNER_URL"])
def test_address_of_a_database_that_the_libraries_would_not_read_is_refused_without_quoting(
    tmp_path: Path, name: str, password_and_place: str
) -> None:
    with pytest.raises(SecretsError, match="one host, and signs such as") as raised:
        with_addresses(settings_of(tmp_path, given={name: f"postgresql://u:{password_and_place}"}))
    assert "cret" not in str(raised.value).replace("The secret ", "")
