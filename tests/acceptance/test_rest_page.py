"""The page in a real browser; where there is none `make test` installs one or says that it cannot."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.conftest import Server

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=5000",
    "--dump-dom",
)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")


def shown_page(server: Server, profile: Path) -> str:
    assert CHROMIUM is not None
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", server.url]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)  # noqa: S603 - as written
    return done.stdout


def test_the_page_shows_players_as_text_whatever_they_are_called(server: Server, tmp_path: Path) -> None:
    name = "<img src=x onerror=document.title='taken'>"
    server.list_player("EVIL", name=name, team="<b>KC</b>", reference_price="30.00")
    ann = server.create_account("Ann")
    server.grant(ann, "5")
    ann.place(side="sell", quantity="1.25", limit_price="20.50")
    ann.place(symbol="EVIL", quantity="2", limit_price="29.00")
    server.create_account("Bob").place(quantity="0.75", limit_price="20.50")
    page = shown_page(server, tmp_path / "profile")
    assert "&lt;img src=x onerror=document.title='taken'&gt;" in page
    assert "<img" not in page
    assert "<b>" not in page
    assert "<title>Waiver Exchange</title>" in page
    assert '<td class="number last">20.50</td>' in page
    assert '<td class="number">29.00</td>' in page
    assert '<td class="buy">buy</td><td class="number">0.75</td><td class="number">20.50</td>' in page
    assert 'data-state="open"' in page
