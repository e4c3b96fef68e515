"""The stand-alone verifier: what it believes of checkpoints from anywhere, and files in no form at all."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.auditing import make_history
from tools import verify_audit
from waiver_exchange.application.audit_export import ExportRange
from waiver_exchange.application.checkpoints.checkpoint import ORIGIN_PREFIX, Checkpoint
from waiver_exchange.application.checkpoints.note import Signer
from waiver_exchange.bootstrap import export_data_directory
from waiver_exchange.config import Settings

ORIGIN = ORIGIN_PREFIX + "0" * 32
OLD, NEW, THIRD = (Signer(name=ORIGIN, seed=bytes([number]) * 32) for number in (1, 2, 3))


def checkpoint(sequence: int, before: Checkpoint | None = None, **others: Any) -> Checkpoint:  # noqa: ANN401 - any field
    """A checkpoint behind another one, with a hash of its own for each row."""
    made = Checkpoint(
        origin=ORIGIN,
        sequence=sequence,
        chain=sequence.to_bytes(32),
        time_ns=sequence,
        state_format=3,
        state_hash="0" * 64,
        cash_issued_micros=1,
        cash_held_micros=1,
        previous="" if before is None else before.hash,
    )
    return replace(made, **others)


FIRST = checkpoint(10)
SECOND = checkpoint(20, FIRST)
THIRD_ONE = checkpoint(30, SECOND)
NAMING = checkpoint(20, FIRST, next_key=NEW.key)
BEHIND = checkpoint(30, NAMING)


class Auditor:
    """Somebody with some files, who runs the verifier."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]) -> None:
        self._folder = folder
        self._patch = patch
        self._capture = capture

    def run(self, *arguments: object) -> tuple[int, str]:
        """The exit code, and what was said of failures."""
        self._patch.setattr("sys.argv", ["verify_audit.py", *map(str, arguments)])
        code = verify_audit.main()
        return code, self._capture.readouterr().err

    def of_notes(self, *files: str, keys: tuple[Signer, ...] = (OLD,)) -> tuple[int, str]:
        """Verify files of notes, which an empty line follows each."""
        arguments = [part for signer in keys for part in ("--public-key", signer.key.text)]
        for number, content in enumerate(files):
            file = self._folder / f"notes{number}.txt"
            file.write_text(content, encoding="utf-8")
            arguments += ["--checkpoint", str(file)]
        return self.run(*arguments)


@pytest.fixture
def auditor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Auditor:
    return Auditor(tmp_path, monkeypatch, capsys)


def signed(*checkpoints: Checkpoint, by: Signer = OLD) -> str:
    return "".join(by.sign(made.text) + "\n" for made in checkpoints)


@pytest.mark.parametrize(
    "files",
    [
        pytest.param([signed(FIRST, SECOND, THIRD_ONE)], id="a whole file"),
        pytest.param([signed(SECOND, THIRD_ONE)], id="one that begins later"),
        pytest.param([signed(FIRST, SECOND), signed(THIRD_ONE)], id="two files"),
        pytest.param([signed(FIRST, SECOND), signed(FIRST, SECOND, THIRD_ONE)], id="an older copy too"),
        pytest.param([signed(FIRST, checkpoint(10, FIRST))], id="a row signed twice"),
        pytest.param([signed(FIRST, NAMING) + signed(BEHIND, by=NEW)], id="a change of keys"),
        pytest.param([signed(FIRST, NAMING) + signed(BEHIND, by=NEW), signed(FIRST)], id="and an older copy"),
    ],
)
def test_what_agrees_is_believed(auditor: Auditor, files: list[str]) -> None:
    assert auditor.of_notes(*files) == (0, "")


WRONG = {
    "two hashes of a row in one file": ([signed(FIRST, checkpoint(10, FIRST, chain=bytes(32)))], "different hashes"),
    "two hashes of a row in two files": ([signed(FIRST), signed(replace(FIRST, chain=bytes(32)))], "different hashes"),
    "one taken out of the middle": ([signed(FIRST, THIRD_ONE)], "missing"),
    "another order": ([signed(SECOND, FIRST)], "stands behind"),
    "another order of one row": ([signed(checkpoint(10, FIRST), FIRST)], "missing"),
    "the old key behind the new one": ([signed(FIRST, NAMING, BEHIND)], "replaced"),
    "the old key at the row of the change": ([signed(FIRST, NAMING, checkpoint(20, NAMING))], "replaced"),
    "the old key in another file": ([signed(FIRST, NAMING), signed(checkpoint(40))], "replaced"),
    "the old key in a file before": ([signed(checkpoint(40)), signed(FIRST, NAMING)], "replaced"),
    "two successors": ([signed(FIRST, NAMING), signed(replace(NAMING, next_key=THIRD.key))], "two successors"),
    "two journals": ([signed(FIRST), Signer(name="other", seed=bytes(32)).sign(FIRST.text) + "\n"], "none of the keys"),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("keys", [(OLD,), (OLD, NEW)], ids=["the first key", "both keys"])
def test_what_contradicts_itself_is_not(auditor: Auditor, case: str, keys: tuple[Signer, ...]) -> None:
    files, problem = WRONG[case]
    code, said = auditor.of_notes(*files, keys=keys)
    assert code == 1, said
    assert problem in said


NOTE = signed(FIRST)


@pytest.mark.parametrize(
    "content",
    [
        "nonsense",
        NOTE.rpartition("\n\n—")[0],
        NOTE.replace("— " + ORIGIN + " ", "— " + ORIGIN + " *"),
        OLD.sign("one line\n") + "\n",
        OLD.sign(FIRST.text.replace("\n10\n", "\nten\n")) + "\n",
        OLD.sign(FIRST.text.replace("previous none\n", "")) + "\n",
        OLD.sign(FIRST.text.replace("AAAAAAA", "", 1)) + "\n",
        OLD.sign(FIRST.text + "next-key no key\n") + "\n",
    ],
)
def test_a_file_that_is_no_file_of_checkpoints_ends_with_two(auditor: Auditor, content: str) -> None:
    code, said = auditor.of_notes(content)
    assert code == 2, said
    assert "not in the form" in said


@pytest.mark.parametrize("key", ["", "a+b", "a+00000000+AAAA", OLD.key.text[:-4] + "AAA=", "a+zz+" + "é"])
def test_a_key_that_is_none_ends_with_two(auditor: Auditor, tmp_path: Path, key: str) -> None:
    file = tmp_path / "notes.txt"
    file.write_text(NOTE, encoding="utf-8")
    code, said = auditor.run("--checkpoint", file, "--public-key", key)
    assert (code, "no public key" in said) == (2, True)


@pytest.fixture
async def export(tmp_path: Path) -> tuple[Path, str]:
    """An export of a whole journal, and the key that signed it."""
    settings = Settings(data_dir=tmp_path / "data")
    made = await make_history(settings, rows=2)
    file = tmp_path / "rows.jsonl"
    rows = ExportRange(first=1, last=made[-1].checkpoint.sequence)
    with file.open("wb") as output:
        async for piece in export_data_directory(settings, rows=rows):
            output.write(piece)
    return file, (tmp_path / "data" / "checkpoints" / "keys.txt").read_text().split()[0]


def without(name: str) -> Callable[[dict[str, Any]], object]:
    return lambda row: {key: value for key, value in row.items() if key != name}


MALFORMED: dict[str, Callable[[dict[str, Any]], object]] = {
    "no chain": without("chain"),
    "no key": without("key"),
    "no command": without("command"),
    "a command of a byte": lambda row: row | {"command": base64.b64encode(b"x").decode()},
    "a number for bytes": lambda row: row | {"events": 7},
    "no base64": lambda row: row | {"chain": "é"},
    "a list": lambda row: [row],
    "a text": lambda _: "row",
}


@pytest.mark.parametrize("case", MALFORMED)
async def test_a_line_that_is_no_row_is_said_without_a_traceback(
    auditor: Auditor, export: tuple[Path, str], case: str
) -> None:
    file, key = export
    lines = file.read_text(encoding="utf-8").splitlines()
    lines[3] = json.dumps(MALFORMED[case](json.loads(lines[3])))
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    code, said = auditor.run("--export", file, "--public-key", key)
    assert code in {1, 2}, said  # a command of another length has another hash: that is a change
    assert (code == 1) == (case == "a command of a byte"), said


@pytest.mark.parametrize("field", ["first", "last", "origin", "previous_chain", "checkpoint_rows"])
@pytest.mark.parametrize("value", [None, "é", [[]]])
async def test_a_head_that_is_none_is_said_without_a_traceback(
    auditor: Auditor, export: tuple[Path, str], field: str, value: object
) -> None:
    file, key = export
    head, *lines = file.read_text(encoding="utf-8").splitlines()
    file.write_text("\n".join([json.dumps(json.loads(head) | {field: value}), *lines]) + "\n", encoding="utf-8")
    assert auditor.run("--export", file, "--public-key", key)[0] in {1, 2}
    assert auditor.run("--export", file.with_name("none"), "--public-key", key)[0] == 2


async def test_nested_and_broken_text_is_said_without_a_traceback(auditor: Auditor, export: tuple[Path, str]) -> None:
    file, key = export
    whole = file.read_bytes()
    assert auditor.run("--export", file, "--public-key", key) == (0, "")
    for content in (b"", b"[" * 100_000, b"\xff\n", b"{}\n", whole[: len(whole) // 2], b"7\n" + whole):
        file.write_bytes(content)
        assert auditor.run("--export", file, "--public-key", key)[0] == 2
