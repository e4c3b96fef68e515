"""Look for secrets in every file that git tracks: keys of well-known services, private keys, and long random strings.

What is found and is no secret stands in `KNOWN` with the reason. Names files and lines, never the secret itself.
"""

import math
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parent.parent

PATTERNS: Final = {
    "a private key": re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----"),
    "an AWS access key": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a Google API key": re.compile(r"\bAIza[0-9A-Za-z_-]{35}"),
    "a Google client secret": re.compile(r"\bGOCSPX-[0-9A-Za-z_-]{20,}"),
    "a GitHub token": re.compile(r"\b(?:gh[pousr]_[0-9A-Za-z]{36}|github_pat_[0-9A-Za-z_]{60,})"),
    "a Slack token": re.compile(r"\bxox[abposr]-[0-9A-Za-z-]{10,}"),
    "a Stripe key": re.compile(r"\b[rs]k_live_[0-9A-Za-z]{20,}"),
    "a token of a code host": re.compile(r"\bglpat-[0-9A-Za-z_-]{20}"),
    "an API key of this exchange": re.compile(r"\bWX[A-Z2-7]{16}\b"),
    "a value assigned to a secret": re.compile(
        r"(?i)\b\w*(?:secret|password|api_key|token)\"?\s*[:=]\s*[\"'][\w+/=-]{20,}[\"']"
    ),
    "a JSON Web Token": re.compile(r"\beyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{20,}"),
    "a password in an address": re.compile(r"\b[a-z][a-z0-9+]{2,}://[^\s/:@'\"{}<>$]{1,64}:[^\s/:@'\"{}<>$]{6,}@"),
}
# Quoted or assigned, because prose and paths are long too.
_RANDOM: Final = re.compile(r"""["'=:]\s*["']?([0-9A-Za-z+/_-]{32,}={0,2})["']?\s*(?:[,;)\]}#]|$)""")
_BITS_MIN: Final = 4.3
_HEX_BITS_MIN: Final = 3.3
_HEX: Final = re.compile(r"[0-9a-f]+|[0-9A-F]+")
_WORD_LENGTH_MAX: Final = 12
_WORD: Final = re.compile(r"[A-Za-z][a-z]+|[A-Z]+")

# Whole files, by the end of their path.
SKIPPED: Final = {
    "requirements.lock": "hashes of packages, which are public",
    "tests/requirements/alpaca-trade-api.lock": "as above",
    "package-lock.json": "as above",
    "deploy/images/build.lock": "as above",
    "tests/requirements/compose.lock": "as above",
}
# One finding, by the end of the file's path and a part of the line.
KNOWN: Final[dict[tuple[str, str], str]] = {
    (
        "src/waiver_exchange/gateway/rest/formats.py",
        "Hash = ",
    ): "the example of a digest in the documents: the SHA-256 of 0",
    ("tests/acceptance/signin/test_identity_provider.py", "CHALLENGE ="): "the public half of a PKCE pair, of RFC 7636",
    ("tests/unit/application/test_signed_notes.py", "GO_KEY ="): "a public key, of the note format's own document",
    ("tests/unit/cli/test_logs.py", "hunter2"): "a planted password that the log must not show",
    ("tests/unit/cli/test_logs.py", "key WX"): "an id in the form of a key's, which the log may show",
    ("tests/unit/engine/test_old_journals.py", "_SHA256 ="): "a digest of events",
}


class Finding(NamedTuple):
    """Where something stands that looks like a secret."""

    path: str
    line: int
    what: str

    def __str__(self) -> str:
        """Return what to say of it."""
        return f"{self.path}:{self.line}: looks like {self.what}"


def find_secrets(path: str, text: str) -> Iterator[Finding]:
    """Go through a file's text."""
    if any(path.endswith(end) for end in SKIPPED):
        return
    for number, line in enumerate(text.splitlines(), start=1):
        if any(path.endswith(end) and part in line for end, part in KNOWN):
            continue
        what = next((name for name, pattern in PATTERNS.items() if pattern.search(line)), None)
        if what is None and any(is_random(match[1]) for match in _RANDOM.finditer(line)):
            what = "a random string, as keys are"
        if what is not None:
            yield Finding(path, number, what)


def is_random(text: str) -> bool:
    """Return whether a text holds as many bits per letter as keys do, and is not made of words."""
    plain = text.rstrip("=")
    bits = entropy(plain)
    if _HEX.fullmatch(plain):
        return bits >= _HEX_BITS_MIN
    if not any(letter.isdigit() for letter in plain) or bits < _BITS_MIN:
        return False
    in_words = sum(len(word) for word in _WORD.findall(plain) if len(word) >= len("word"))
    return in_words < len(plain) / 2


def entropy(text: str) -> float:
    """Return the bits per letter of a text by how often each letter stands in it."""
    return -sum(count / len(text) * math.log2(count / len(text)) for count in Counter(text).values())


def main() -> int:
    """Go through all tracked files; return 1 when something was found."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True)
    found: list[Finding] = []
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.is_file():
            found += find_secrets(name, path.read_bytes().decode("utf-8", "replace"))
    for finding in found:
        print(f"secrets: {finding}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
