"""The supervisor with processes of two lines each in the place of engine and gateways."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from waiver_exchange.supervisor.places import LED_SECONDS_MAX, RETRY_SECONDS_MAX, must_not_start_again, retry_seconds
from waiver_exchange.supervisor.plan import Plan, encode_plan

SECONDS_MAX = 20.0
MEMORY_KILOBYTES_MAX = 25_000
# Says what happens to it in a file that all share; `engine` and `gateway` hold what it does when it starts.
CHILD = """
import os, signal, socket, sys, time
role, folder = sys.argv[1:]
def note(what):
    with open(f"{folder}/notes", "a") as notes:
        notes.write(f"{role} {os.getpid()} {what}\\n")
def leave(number, _):
    note(signal.Signals(number).name)
    os._exit(0)
signal.signal(signal.SIGTERM, leave)
leaving = []
signal.signal(signal.SIGHUP, lambda number, _: (note("SIGHUP"), leaving.append(number)))
note("started")
with open(f"{folder}/{role}") as script:
    exec(script.read())
note("ready")
os.write(4, b'{"is_engine_compiled": true}')
os.close(4)
if role == "engine":
    while True:
        time.sleep(60)
with socket.socket(fileno=3) as listener:
    listener.settimeout(0.05)
    while not leaving:
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            continue
        connection.sendall(b"%d" % os.getpid())
        connection.close()
"""


class Service:
    """A supervisor and what its processes noted."""

    def __init__(self, process: subprocess.Popen[str], *, folder: Path, port: int) -> None:
        self.process = process
        self.folder = folder
        self.port = port

    def notes(self, what: str = "", *, role: str = "") -> list[int]:
        """The ids of the processes of a role that noted something, in order."""
        path = self.folder / "notes"
        lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
        return [int(pid) for said, pid, noted in lines if role in {"", said} and what in {"", noted}]

    def ask(self) -> int:
        """The id of the gateway that takes one connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=SECONDS_MAX) as connection:
            return int(connection.recv(100))

    def behave(self, role: str, script: str) -> None:
        """What processes of a role do from now on when they start."""
        (self.folder / role).write_text(script, encoding="utf-8")

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        """Send a signal; return the exit code and what was printed and logged."""
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> tuple[int, str, str]:
        out, _ = self.process.communicate(timeout=SECONDS_MAX)
        return self.process.returncode, out, self.log

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8")


def wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + SECONDS_MAX
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.01)


@contextmanager
def supervising(folder: Path, *, gateways: int = 2, **scripts: str) -> Iterator[Service]:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        (folder / "lock").open("w") as lock,
        (folder / "log").open("w") as log,
    ):
        command = [sys.executable, "-S", "-E", "-c", CHILD]
        plan = Plan(
            engine=[*command, "engine", str(folder)],
            gateway=[*command, "gateway", str(folder)],
            gateways=gateways,
            listener=listener.fileno(),
            lock=lock.fileno(),
            url="http://here",
            data_dir=str(folder),
            as_json=True,
        )
        for role in ("engine", "gateway"):
            (folder / role).write_text(scripts.get(role, ""), encoding="utf-8")
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "waiver_exchange.supervisor", encode_plan(plan)],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            pass_fds=(listener.fileno(), lock.fileno()),
        )
        service = Service(process, folder=folder, port=listener.getsockname()[1])
        try:
            yield service
        finally:
            process.kill()
            process.wait()
            for pid in set(service.notes("started")):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.communicate()


def announced(service: Service) -> dict[str, object]:
    assert service.process.stdout is not None
    said: dict[str, object] = json.loads(service.process.stdout.readline())
    return said


def test_gateways_come_after_the_engine_and_end_before_it(tmp_path: Path) -> None:
    with supervising(tmp_path) as service:
        said = announced(service)
        assert said == {"url": "http://here", "pid": service.process.pid, "is_engine_compiled": True, "workers": 2}
        engine, *gateways = service.notes("started")
        assert service.notes()[:2] == [engine, engine]
        assert service.ask() in gateways
        code, out, _ = service.end()
        assert (code, out) == (0, "")
        assert service.notes("SIGTERM", role="gateway") != []
        assert service.notes("SIGTERM")[-1] == engine


def test_it_stays_small(tmp_path: Path) -> None:
    with supervising(tmp_path) as service:
        announced(service)
        status = Path(f"/proc/{service.process.pid}/status").read_text(encoding="ascii")
        kilobytes = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
        assert kilobytes < MEMORY_KILOBYTES_MAX


def test_who_dies_is_started_again_while_the_other_serves(tmp_path: Path) -> None:
    with supervising(tmp_path) as service:
        announced(service)
        engine, *gateways = service.notes("ready")
        for count, pid in enumerate((*gateways, engine), start=4):
            os.kill(pid, signal.SIGKILL)
            assert service.ask() != pid
            wait_until(lambda count=count: len(service.notes("ready")) == count)  # type: ignore[misc]  # a default
        assert len(service.notes("ready", role="engine")) == 2
        code, _, log = service.end(signal.SIGINT)
        assert code == 0
        assert f"(process {gateways[0]}) was killed by signal 9; it is started again at once" in log


def test_engine_that_must_not_run_ends_the_service(tmp_path: Path) -> None:
    with supervising(tmp_path) as service:
        announced(service)
        service.behave("engine", "sys.exit(70)")
        os.kill(service.notes("ready", role="engine")[0], signal.SIGKILL)
        code, _, log = service.ended()
        assert code == 70
        assert "the engine ended with exit code 70 and must not be started again" in log


def test_engine_that_cannot_begin_ends_the_service_with_its_reason(tmp_path: Path) -> None:
    script = """os.write(4, b'{"error": {"code": "setting_is_wrong"}}'); sys.exit(2)"""
    with supervising(tmp_path, engine=script) as service:
        code, out, _ = service.ended()
        assert (code, json.loads(out)) == (2, {"error": {"code": "setting_is_wrong"}})
        assert service.notes(role="gateway") == []


@pytest.mark.parametrize("said", [b'{"error": "' + b"x" * 5_000, b"\xff\xfe", b"[]", b"[" * 4_000])
def test_what_is_not_understood_counts_as_nothing_said(tmp_path: Path, said: bytes) -> None:
    (tmp_path / "said").write_bytes(said)
    script = f"os.write(4, open({str(tmp_path / 'said')!r}, 'rb').read()); os._exit(3)"
    with supervising(tmp_path, engine=script) as service:
        code, out, log = service.ended()
    assert (code, out) == (3, "")
    assert "ended with exit code 3 and was never ready: the service ends" in log
    assert "Traceback" not in log


@pytest.mark.parametrize("code", [75, 76])
def test_engine_that_cannot_begin_again_is_tried_until_it_can(tmp_path: Path, code: int) -> None:
    with supervising(tmp_path) as service:
        announced(service)
        service.behave("engine", f"sys.exit({code})")
        os.kill(service.notes("ready", role="engine")[0], signal.SIGKILL)
        wait_until(lambda: len(service.notes("started", role="engine")) >= 4)
        service.behave("engine", "")
        wait_until(lambda: len(service.notes("ready", role="engine")) == 2)
        assert service.end()[0] == 0


@pytest.mark.parametrize("code", [75, 76])
def test_engine_that_cannot_begin_now_ends_the_service_at_the_first_start(tmp_path: Path, code: int) -> None:
    with supervising(tmp_path, engine=f"sys.exit({code})") as service:
        assert service.ended()[0] == 3
        assert len(service.notes("started")) == 1


@pytest.mark.parametrize(("code", "seconds_away"), [(2, 0.0), (3, 0.0), (70, 0.0), (76, LED_SECONDS_MAX + 1)])
def test_engine_is_not_started_again_where_that_is_no_use(code: int, seconds_away: float) -> None:
    assert must_not_start_again(code, seconds_away=seconds_away)


@pytest.mark.parametrize(("code", "seconds_away"), [(1, 99.0), (75, 99.0), (-9, 99.0), (76, LED_SECONDS_MAX - 1)])
def test_engine_is_started_again_after_what_may_pass(code: int, seconds_away: float) -> None:
    assert not must_not_start_again(code, seconds_away=seconds_away)


def test_gateways_are_replaced_one_by_one(tmp_path: Path) -> None:
    with supervising(tmp_path) as service:
        announced(service)
        old = service.notes("ready", role="gateway")
        service.process.send_signal(signal.SIGHUP)
        wait_until(lambda: (service.ask() > 0 and len(service.notes("SIGHUP"))) == 2)
        happened = service.notes(role="gateway")[4:]
        first, second = service.notes("SIGHUP")
        new = service.notes("ready", role="gateway")[2:]
        assert {first, second} == set(old)
        # Each began and was ready before its predecessor was told to go, and the second began after that.
        assert happened == [new[0], new[0], first, new[1], new[1], second]
        assert service.end()[0] == 0


def test_new_gateway_that_fails_leaves_the_old_ones(tmp_path: Path) -> None:
    with supervising(tmp_path) as service:
        announced(service)
        service.behave("gateway", "sys.exit(1)")
        service.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "the new gateway 1 ended with exit code 1; the old ones stay" in service.log)
        assert service.ask() in service.notes("ready", role="gateway")
        assert service.end()[0] == 0
        assert service.notes("SIGHUP") == []


@pytest.mark.parametrize(("failures", "seconds"), [(1, 0.0), (2, 0.5), (3, 1.0), (5, 4.0), (40, RETRY_SECONDS_MAX)])
def test_who_ends_again_and_again_is_waited_for_longer(failures: int, seconds: float) -> None:
    assert retry_seconds(failures) == seconds
