"""What the served document promises is what the server does: random requests by it, and against it.

`make fuzz SEED=7 SECONDS=600` looks longer; a failure prints the seed and a curl command for what it found.
"""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.acceptance.conftest import Server, Trader

SEED = os.environ.get("SEED") or "20260907"
SECONDS = os.environ.get("FUZZ_SECONDS", "")
EXAMPLES = 25
TEST_SECONDS_MAX = 280
# What the document allows may still be refused: there is no such order, not enough cash, too many decimals.
UNWANTED_CHECKS = "positive_data_acceptance"


@pytest.fixture(scope="module")
def ann(server: Server) -> Trader:
    ann = server.create_account("Ann", cash="100000.00")
    server.grant(ann, "1000")
    ann.place(limit_price="18.00")
    ann.place(side="sell", limit_price="22.00")
    bob = server.create_account("Bob", cash="100000.00")
    bob.place(limit_price="22.00")
    return ann


def test_the_served_document_is_valid(server: Server) -> None:
    response = server.public.get("/openapi.json")
    assert response.headers["content-type"] == "application/json"
    OpenAPIV31SpecValidator(response.json()).validate()
    unchanged = server.public.get("/openapi.json", headers={"If-None-Match": response.headers["etag"]})
    assert unchanged.status_code == 304


def test_the_page_for_people_is_served(server: Server) -> None:
    page = server.public.get("/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert server.public.get("/docs.css").headers["content-type"] == "text/css; charset=utf-8"


@pytest.mark.timeout(int(SECONDS or 0) + TEST_SECONDS_MAX)
def test_random_requests_get_documented_answers(server: Server, ann: Trader, tmp_path: Path) -> None:
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json"),
        *("--header", f"X-API-Key: {ann.api_key}", "--header", f"X-API-Secret: {ann.api_secret}"),
        *("--phases", "examples,coverage,fuzzing", "--seed", SEED, "--generation-database", "none"),
        # Ends the keys when asked to, also the one that asks.
        *("--exclude-operation-id", "signOutEverywhere"),
        *("--checks", "all", "--exclude-checks", UNWANTED_CHECKS, "--warnings", "off"),
        *("--request-timeout", "30", "--no-color", "--continue-on-failure"),
        *(("--max-time", SECONDS) if SECONDS else ("--max-examples", str(EXAMPLES))),
    ]
    environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    done = subprocess.run(  # noqa: S603 - the arguments are written above
        command,
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=tmp_path,  # where it keeps what it remembers
    )
    assert done.returncode == 0, f"seed {SEED}\n{done.stdout[-20_000:]}{done.stderr[-5_000:]}"
    print(f"seed {SEED}\n{done.stdout[-500:]}")  # noqa: T201 - seen with -s
    assert server.public.get("/readyz").status_code == 200
    assert "failed:" not in server.log.read_text()


def test_the_account_is_whole_after_all_that(server: Server, ann: Trader) -> None:
    account = httpx.get(f"{server.url}/api/v1/account", headers=ann.http.headers, trust_env=False)
    assert account.status_code == 200
    assert server.waiver("verify")["ok"] is True
