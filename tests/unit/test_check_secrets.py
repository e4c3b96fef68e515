"""The search for secrets finds each kind of them, and keeps quiet about what is none."""

import base64
import random
import string

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tools import check_secrets
from tools.check_secrets import find_secrets

DRAWN = random.Random(20260907)
CAPITALS = string.ascii_uppercase + string.digits
LETTERS = string.ascii_letters + string.digits


def drawn(alphabet: str, length: int) -> str:
    return "".join(DRAWN.choice(alphabet) for _ in range(length))


def private_key() -> str:
    key = Ed25519PrivateKey.from_private_bytes(DRAWN.randbytes(32))
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def json_web_token() -> str:
    parts = (b'{"alg":"EdDSA","kid":"1"}', b'{"sub":"someone","exp":1}', DRAWN.randbytes(64))
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


PLANTED = {
    "a private key": private_key(),
    "an AWS access key": f'aws = "AKIA{drawn(CAPITALS, 16)}"',
    "a Google API key": f"key: AIza{drawn(LETTERS, 35)}",
    "a Google client secret": f"CLIENT_SECRET=GOCSPX-{drawn(LETTERS, 28)}",
    "a GitHub token": f"token ghp_{drawn(LETTERS, 36)}",
    "a Slack token": f"xoxb-{drawn(string.digits, 12)}-{drawn(LETTERS, 24)}",
    "a Stripe key": f"sk_live_{drawn(LETTERS, 24)}",
    "a JSON Web Token": f"Bearer {json_web_token()}",
    "a password in an address": f"postgres://waiver:{drawn(LETTERS, 12)}@db/waiver",
    "a token of a code host": f"token glpat-{drawn(LETTERS, 20)}",
    "an API key of this exchange": f"X-API-Key: WX{drawn(string.ascii_uppercase, 16)}",
    "a value assigned to a secret": f'PASSWORD = "{drawn(LETTERS, 24)}"',
    "a random string, as keys are": f'SALT = "{base64.b64encode(DRAWN.randbytes(32)).decode()}"',
}


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_secret_is_found_and_not_repeated(what: str) -> None:
    text = f"first line\n{PLANTED[what]}\nlast line"
    found = list(find_secrets("src/config.py", text))
    assert [(finding.line, finding.what) for finding in found] == [(2, what)]
    secret = PLANTED[what].splitlines()[0].split()[-1].strip('"')
    assert secret not in str(found[0]) or what == "a private key"


def test_a_random_hexadecimal_key_is_found() -> None:
    assert list(find_secrets("a.env", f"WAIVER_MASTER_KEY={DRAWN.randbytes(32).hex()}"))


@pytest.mark.parametrize(
    "line",
    [
        'path = "src/waiver_exchange/gateway/alpaca/portfolio_history.py"',
        'ID = "0000000d-0000-8000-8000-000010000001"',
        'ALPHABET = "abcdefghijklmnopqrstuvwxyz"',
        'NAME = "test_a_killed_process_leaves_every_acknowledged_order"',
        'ZEROS = "' + "0" * 64 + '"',
        "url = 'https://user@example.org/path'",
    ],
)
def test_what_is_no_secret_is_left_alone(line: str) -> None:
    assert list(find_secrets("docs/page.md", line)) == []


def test_every_exception_has_a_reason_and_still_stands_somewhere() -> None:
    assert all(check_secrets.SKIPPED.values())
    for (path, part), reason in check_secrets.KNOWN.items():
        assert reason
        assert part in (check_secrets.ROOT / path).read_text(encoding="utf-8"), path


def test_what_is_tracked_holds_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_secrets.main() == 0, capsys.readouterr().out
