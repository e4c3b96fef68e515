"""Debian's Chromium, driven by Playwright; where there is none `tools/prepare_tests.py` installs one."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from playwright.sync_api import Browser, sync_playwright

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WAIT_MS: Final = 15_000


@contextmanager
def running_browser() -> Iterator[Browser]:
    """Run a browser for the block; each of its contexts is a person with cookies of their own.

    Playwright's loop stays with the thread until the block ends: no asynchronous test may run in it.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()
