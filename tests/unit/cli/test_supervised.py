"""What a process of the service tells its supervisor fits into the one line that is read."""

import json
import os

import pytest

from waiver_exchange.cli.failures import CommandFailedError
from waiver_exchange.cli.serving import supervised
from waiver_exchange.supervisor.children import Child


@pytest.mark.parametrize("message", ["x" * 10_000, "ü" * 1_000, "\U0001f3c8" * 1_000, "\x00" * 9_000])
@pytest.mark.parametrize("details", [{}, {"rows": ["y" * 100] * 100}])
def test_a_long_failure_is_heard_by_the_supervisor(
    monkeypatch: pytest.MonkeyPatch, message: str, details: dict[str, object]
) -> None:
    ready, said = os.pipe()
    monkeypatch.setattr(supervised, "READY", said)
    failure = CommandFailedError(code="database_unusable", message=message, exit_code=3, details=details)
    assert supervised.report_failure(failure) == 3
    child = Child(1, ready, 0.0)
    child.hear(1.0)
    assert child.ready_at is None
    assert child.said["error"]["code"] == "database_unusable"
    assert len(child.said["error"]["message"]) > 200
    assert message.startswith(child.said["error"]["message"])


def test_what_fits_is_told_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    ready, said = os.pipe()
    monkeypatch.setattr(supervised, "READY", said)
    supervised.report_failure(CommandFailedError(code="c", message="m", details={"port": json.loads("8081")}))
    child = Child(1, ready, 0.0)
    child.hear(1.0)
    assert child.said == {"error": {"code": "c", "message": "m", "details": {"port": 8081}}}
