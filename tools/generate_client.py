"""Write the parts of the client that follow from others: the synchronous client, and the codes of refusals."""

import re
import subprocess
import sys
from pathlib import Path

from waiver_exchange.domain.refusals import RefusalReason

ROOT = Path(__file__).resolve().parent.parent
CLIENT = ROOT / "src/waiver_exchange/client"
# In this order: the longer word before the one that is in it.
WORDS = (
    (r"\basync_(client|exchange|stream|transport|waiver)\b", r"\1"),
    (r"\bccxt\.async_support\b", "ccxt"),
    (r"\basyncio\.sleep\b", "time.sleep"),
    (r"\bimport asyncio\nimport random\n", "import random\nimport time\n"),
    (r"\bAsync(Client|Pages|Stream|Transport|Iterator|Iterable)\b", r"\1"),
    (r"\b__aiter__\b", "__iter__"),
    (r"\b__a(enter|exit)__\b", r"__\1__"),
    (r"\ba(close|read|iter_bytes)\(", r"\1("),
    (r"\basync (def|for|with)\b", r"\1"),
    (r"\bawait ", ""),
)
MODULES = ("client", "transport", "ccxt/exchange")
WRITTEN = "For asyncio; `{module}.py` is made from this file by `make client`."
MADE = "Made from `async_{module}.py` by `make client`; change that one."
CODES = '''"""The exchange's reasons to refuse. Made from the server's table by `make client`; see docs/refusals.md."""

from enum import StrEnum, auto


class RefusalCode(StrEnum):
    """Why a request was refused; a member equals its text."""

'''


def synchronous(module: Path) -> str:
    """Return the synchronous form of the asynchronous module beside it."""
    source = module.with_name(f"async_{module.name}").read_text(encoding="utf-8")
    written, made = WRITTEN.format(module=module.stem), MADE.format(module=module.stem)
    for pattern, replacement in WORDS:
        source = re.sub(pattern, replacement, source)
    return source.replace(written, made)


def generated() -> dict[Path, str]:
    """Return every generated file with what it should hold."""
    codes = "".join(f"    {reason.name} = auto()\n" for reason in sorted(RefusalReason))
    paths = [CLIENT / f"{module}.py" for module in MODULES]
    return {path: formatted(synchronous(path)) for path in paths} | {
        CLIENT / "refusal_codes.py": formatted(CODES + codes)
    }


def formatted(source: str) -> str:
    """Return a source with its imports sorted, as the formatter writes it."""
    ruff = [sys.executable, "-m", "ruff"]
    options = ["--quiet", "--config", str(ROOT / "pyproject.toml"), "-"]
    for step in (["check", "--select", "I", "--fix"], ["format"]):
        done = subprocess.run([*ruff, *step, *options], input=source, capture_output=True, text=True, check=True)
        source = done.stdout
    return source


def main() -> int:
    """Write what differs."""
    for path, text in generated().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"client: wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
