"""How large the image is, and how soon a container of it takes orders; on the stand-in bases of `tests/deploy`."""

import time
from collections.abc import Callable
from typing import Final

import httpx

from benchmarks.measuring import RUNS, Figure
from tests.support.base_images import make_base_images
from tests.support.docker_engine import ROOT, DockerEngine, obstacle, running_docker

IMAGE: Final = "waiver-exchange:measured"
BUILD_SECONDS_MAX: Final = 900.0
START_SECONDS_MAX: Final = 60.0
_MEGABYTE: Final = 1_000_000
# As in compose.yaml, but with files of its own instead of a database.
_OPTIONS: Final = (
    *(
        "--read-only",
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges:true",
        "--init",
        "--publish=127.0.0.1:8081:8081",
    ),
    *("--tmpfs=/tmp", "--tmpfs=/var/lib/waiver:uid=10001,gid=10001,mode=0700"),
)


def measure(progress: Callable[[str], None]) -> list[Figure]:
    """Return the figures, or nothing where no Docker engine can be had."""
    reason = obstacle()
    if reason is not None:
        progress(f"container: left out, {reason}")
        return []
    progress("container: building the image")
    with running_docker() as engine:
        base = make_base_images(engine)["BASE_IMAGE"]
        recipe = str(ROOT / "deploy/images/Dockerfile")
        arguments = ("--file", recipe, "--build-arg", f"BASE_IMAGE={base}", "--tag", IMAGE, str(ROOT))
        engine.run("build", *arguments, seconds=BUILD_SECONDS_MAX)
        size, base_size = (engine.inspect(name)["Size"] / _MEGABYTE for name in (IMAGE, base))
        progress(f"container: {RUNS} starts")
        starts = [seconds_to_start(engine) for _ in range(RUNS)]
    return [
        Figure(key="image_megabytes", runs=[size]),
        Figure(key="image_megabytes_over_base", runs=[size - base_size]),
        Figure(key="container_start_seconds", runs=starts),
    ]


def seconds_to_start(engine: DockerEngine) -> float:
    """Return how long it takes from `docker run` to the first answer that orders are taken."""
    started = time.monotonic()
    container = engine.run("run", "--detach", *_OPTIONS, IMAGE).strip()
    while not engine.within(_is_ready):
        if time.monotonic() > started + START_SECONDS_MAX:
            raise RuntimeError(engine.run("logs", container, is_checked=False))
        time.sleep(0.02)
    taken = time.monotonic() - started
    engine.run("rm", "--force", "--volumes", container)
    return taken


def _is_ready() -> bool:
    try:
        return httpx.get("http://127.0.0.1:8081/readyz", trust_env=False, timeout=1).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
