"""The examples as their readers run them, and the Python in the documents, against a real server."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.conftest import Server, Trader

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
DOCUMENTS = ("client.md", "ccxt.md")
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)
BLOCKS = [
    pytest.param(block, id=f"{name}-{number}")
    for name in DOCUMENTS
    for number, block in enumerate(BLOCK.findall((ROOT / "docs" / name).read_text(encoding="utf-8")))
]
CreateAccount = Callable[..., Trader]


def run(trader: Trader, *arguments: str, timeout: int = 60) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("WAIVER_")}
    key = {
        "WAIVER_URL": trader.url,
        "WAIVER_API_KEY": trader.api_key,
        "WAIVER_API_SECRET": trader.api_secret,
    }
    return subprocess.run(  # noqa: S603 - our own programs
        [sys.executable, *arguments], env=own | key, capture_output=True, text=True, timeout=timeout, check=False
    )


def example(trader: Trader, name: str, *arguments: str) -> str:
    done = run(trader, str(ROOT / "examples" / name), *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def seller(server: Server, create_account: CreateAccount) -> Trader:
    seller = create_account("Seller")
    server.grant(seller, "100")
    return seller


def test_an_order_is_watched_until_it_is_filled(create_account: CreateAccount, seller: Trader) -> None:
    seller.place(side="sell", quantity="2", limit_price="20.00")
    lines = example(create_account("Buyer"), "place_and_watch.py", "MAHOMES", "buy", "2", "20.00").splitlines()
    assert re.fullmatch(r"placed [0-9a-f-]{36}: filled", lines[0])
    assert lines[-1] == "filled: 2 of 2 filled"


def test_an_order_that_nobody_takes_is_cancelled_in_time(create_account: CreateAccount) -> None:
    buyer = create_account("Buyer")
    printed = example(buyer, "place_and_watch.py", "MAHOMES", "buy", "1", "19.00", "--seconds", "0.1")
    assert printed.splitlines()[-1] == "time is over: cancelled with 0 filled"
    assert buyer.get("/api/v1/orders", status="open")["items"] == []


def test_the_market_maker_quotes_both_sides_and_tidies_up(seller: Trader) -> None:
    printed = example(seller, "simple_market_maker.py", "MAHOMES", "--seconds", "1", "--spread", "0.50")
    assert re.search(r"^buy 1 at \d+\.\d\d$", printed, re.MULTILINE)
    assert re.search(r"^sell 1 at \d+\.\d\d$", printed, re.MULTILINE)
    assert printed.splitlines()[-1] == "took 2 quotes away"
    assert seller.get("/api/v1/orders", status="open")["items"] == []


def test_the_statement_is_exported(seller: Trader, tmp_path: Path) -> None:
    file = tmp_path / "statement.csv"
    printed = example(seller, "export_statement.py", str(file))
    assert "cash 10000.00" in printed
    assert "MAHOMES: 100 shares" in printed
    head, *lines = file.read_text(encoding="utf-8").splitlines()
    assert {"time", "asset", "amount", "balance"} <= set(head.split(","))
    assert len(lines) >= 2


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_says_how_it_is_used(path: Path, seller: Trader) -> None:
    text = " ".join((ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split())
    assert f"Usage: WAIVER_API_KEY=... WAIVER_API_SECRET=... python examples/{path.name} " in text
    assert "WAIVER_URL" in text
    assert "--seconds" in run(seller, str(path), "--help").stdout
    assert f"`examples/{path.name}" in (ROOT / "docs/client.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_without_a_key_says_so(path: Path) -> None:
    own = {name: value for name, value in os.environ.items() if not name.startswith("WAIVER_")}
    arguments = {"place_and_watch": ["MAHOMES", "buy", "1", "20.00"], "simple_market_maker": ["MAHOMES"]}
    command = [sys.executable, str(path), *arguments.get(path.stem, ["x.csv"])]
    done = subprocess.run(command, env=own, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
    assert done.returncode == 1
    assert done.stderr == "WAIVER_API_KEY is not set; see --help\n"


@pytest.mark.parametrize("block", BLOCKS)
def test_the_documents_python_runs(block: str, create_account: CreateAccount, tmp_path: Path) -> None:
    trader = create_account("Reader")
    url = trader.url
    names = f"url, hostname = {url!r}, {url.partition('//')[2]!r}\n"
    names += f"api_key, api_secret = {trader.api_key!r}, {trader.api_secret!r}\n"
    program = names + block
    if "async with" in block:
        indented = "".join(f"    {line}" for line in block.splitlines(keepends=True))
        program = f"import asyncio\n{names}async def main():\n{indented}\nasyncio.run(main())\n"
    script = tmp_path / "block.py"
    script.write_text(program, encoding="utf-8")
    done = run(trader, str(script))
    assert done.returncode == 0, done.stderr
