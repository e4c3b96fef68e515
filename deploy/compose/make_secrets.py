"""Make the stack's passwords and keys where they are missing; the first service of compose.yaml, before all others.

Each service has a folder of its own, closed to everybody but the user that it runs as. What is there is never
overwritten, and what an existing database was made with is never made anew.
"""

import os
import secrets
import sys
from pathlib import Path
from typing import Final

from waiver_exchange.adapters.secrets.errors import SecretsError
from waiver_exchange.adapters.secrets.making import make_secrets, write_secret

SECRETS: Final = Path("/secrets")
DATABASE: Final = Path("/database")
# Those of the official images on Debian, and of our own.
POSTGRES_USER: Final = 999
REDIS_USER: Final = 999
EXCHANGE_USER: Final = 10_001
PASSWORDS: Final = ("administrator", "owner", "service", "reader")
PASSWORD_BYTES: Final = 32


def main() -> int:
    """Make what is missing; return the exit code."""
    if (DATABASE / "PG_VERSION").exists() and (lost := missing()):
        print(
            f"The database is there, and what it was made with is not: {', '.join(lost)} in deploy/compose/secrets. "
            "Bring the folder back from your copy; for a new exchange remove the old: docker compose down --volumes",
            file=sys.stderr,
        )
        return 1
    try:
        made = make_all()
    except (OSError, SecretsError) as error:
        print(f"The secrets in deploy/compose/secrets cannot be made: {error}", file=sys.stderr)
        return 1
    if made:
        print(f"made {made} secrets in deploy/compose/secrets: keep a copy of it, apart from the backups of the data")
    return 0


def missing() -> list[str]:
    """Return the secrets that a database cannot do without and that are not there."""
    wanted = [f"postgres/{name}" for name in PASSWORDS] + ["exchange/master_key"]
    return [name for name in wanted if not (SECRETS / name).exists()]


def make_all() -> int:
    """Make what is missing and give each folder to its user; return how many files were made."""
    before = sum(path.is_file() for path in SECRETS.rglob("*"))
    passwords = {name: password_in(SECRETS / "postgres" / name) for name in PASSWORDS}
    redis = password_in(SECRETS / "redis" / "password")
    # Whoever knows no password may do nothing, and the exchange what it needs on its own data.
    keep(SECRETS / "redis" / "users.acl", f"user default off\nuser waiver on >{redis} ~* &* +@all -@admin -@dangerous")
    keep(SECRETS / "migrate" / "database_owner_url", database_url("waiver_owner", passwords["owner"]))
    keep(SECRETS / "exchange" / "database_url", database_url("waiver_service", passwords["service"]))
    keep(SECRETS / "exchange" / "redis_url", f"redis://waiver:{redis}@redis:6379/0")
    open_folder(SECRETS / "exchange")
    make_secrets(SECRETS / "exchange")
    open_folder(SECRETS / "demo")  # which keeps the keys of its accounts there
    users = {"postgres": POSTGRES_USER, "redis": REDIS_USER}
    for name in ("postgres", "redis", "migrate", "exchange", "demo"):
        user = users.get(name, EXCHANGE_USER)
        for path in (*(SECRETS / name).iterdir(), SECRETS / name):
            os.chown(path, user, user)
    return sum(path.is_file() for path in SECRETS.rglob("*")) - before


def password_in(path: Path) -> str:
    """Return the password in a file, drawn by chance if there is none yet."""
    keep(path, secrets.token_urlsafe(PASSWORD_BYTES))
    return path.read_text(encoding="ascii").strip()


def database_url(user: str, password: str) -> str:
    """Return where a role finds the database."""
    return f"postgresql://{user}:{password}@postgres:5432/waiver"


def keep(path: Path, text: str) -> None:
    """Keep a secret, durably and for its owner alone, unless there is one."""
    open_folder(path.parent)
    if not path.exists():
        write_secret(path, text)


def open_folder(path: Path) -> None:
    """Make a folder that is closed to others."""
    path.mkdir(mode=0o700, exist_ok=True)
    path.chmod(0o700)


if __name__ == "__main__":
    sys.exit(main())
