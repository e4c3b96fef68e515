"""The log leaves out what it must not hold, whoever words the message, and nothing else."""

import json
import logging

import pytest

from waiver_exchange.cli.logs import JsonFormatter
from waiver_exchange.cli.redaction import redact

DRAWN = "q7Zx-3kP_" + "9fL" * 12


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mail to ann.b+x@mail.example.com failed", "mail to [removed] failed"),
        ("GET /callback?email=ann%40example.com", "GET /callback?email=[removed]"),
        ("POST https://idp.example/token?code=abc&state=def 400", "POST https://idp.example/token?[removed] 400"),
        ("redis://user:hunter2@10.0.0.1:6379/0 refused", "redis://[removed]@10.0.0.1:6379/0 refused"),
        (f"secret {DRAWN} is wrong", "secret [removed] is wrong"),
        ("token eyJhbGciOi.eyJzdWIi.c2ln is wrong", "token [removed] is wrong"),
        ("Authorization: Bearer x\nnext", "Authorization: [removed]\nnext"),
        ("{'cookie': 'a=b; c=d'}", "{'cookie': [removed]"),
    ],
)
def test_what_is_secret_or_personal_is_taken_out(text: str, expected: str) -> None:
    assert redact(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "journal works again; continuing after row 12",
        "state hash 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "account 6f9619ff-8b86-d011-b42d-00c04fc964ff, key WXABCDEFGHIJKLMNOP",
        "test_a_file_that_could_not_be_swept_is_swept_at_the_next_opening",
        "the decorator @property at /usr/lib/python3.11/functools.py, line 12, in <module>",
        "http://127.0.0.1:8081 is ready? yes",
    ],
)
def test_what_helps_to_find_a_fault_stays(text: str) -> None:
    assert redact(text) == text


def test_messages_and_tracebacks_are_one_object_without_secrets() -> None:
    with pytest.raises(ValueError, match=r"ann@example\.com") as failure:
        int(f"ann@example.com sent {DRAWN}")
    raised = (failure.type, failure.value, failure.tb)
    record = logging.LogRecord("x", logging.ERROR, "p", 1, "for %s", ("ann@example.com",), raised)
    line = JsonFormatter().format(record)
    assert json.loads(line)["message"] == "for [removed]"
    assert "[removed] sent [removed]" in line
    assert "ann@" not in line
    assert DRAWN not in line
