from pathlib import Path

import pytest

from tools.check_shifts import find_forbidden_shifts, main


@pytest.mark.parametrize(
    "expression",
    [
        "1 << n",
        "-1 << n",
        "(1) << (n + 1)",
        "ONE << n",
        "codes.HEADER << n",
        "a | 0xFF << n",
        "_MASK << 3",
        "i64(1) << n",
    ],
)
def test_shift_of_a_literal_or_constant_is_found(expression: str) -> None:
    assert list(find_forbidden_shifts(f"\nx = {expression}\n")) == [2]


@pytest.mark.parametrize(
    "expression", ["one << n", "row.mask << SHIFT", "(1 + n) << 2", "i64(m) << n", "1 >> n", "MASK >> 2", "'<<'"]
)
def test_other_expressions_pass(expression: str) -> None:
    assert list(find_forbidden_shifts(f"x = {expression}\n")) == []


@pytest.mark.parametrize(
    "body",
    [
        "one: i64 = 1",
        "one = i64(1)",
        "base: i64 = 1; one = base",
        "one: i64 = -LIMIT",
        "one: Final = 2 + 3",
    ],
)
def test_local_that_carries_a_constant_is_found(body: str) -> None:
    assert list(find_forbidden_shifts(f"def f(n: i64) -> i64:\n    {body}\n    return one << n\n")) == [3]


def test_module_constant_in_small_letters_is_found() -> None:
    assert list(find_forbidden_shifts("one: Final = 1\ndef f(n: i64) -> i64:\n    return one << n\n")) == [3]


@pytest.mark.parametrize("body", ["pass", "one = 1", "one += 1"])
def test_parameter_may_be_shifted(body: str) -> None:
    assert list(find_forbidden_shifts(f"def f(one: i64, n: i64) -> i64:\n    {body}\n    return one << n\n")) == []


@pytest.mark.parametrize("body", ["one = 1; one = 3", "one = 1; one += n", "one = row[n]", "one = bits(1)"])
def test_local_with_more_than_one_value_may_be_shifted(body: str) -> None:
    assert list(find_forbidden_shifts(f"def f(n: i64) -> i64:\n    {body}\n    return one << n\n")) == []


def test_every_file_of_a_folder_is_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "good.py").write_text("x = one << 40\n")
    assert main([str(tmp_path)]) == 0
    (tmp_path / "deeper").mkdir()
    bad = tmp_path / "deeper" / "bad.py"
    bad.write_text("x = 1\ny = 1 << 40\n")
    assert main([str(tmp_path)]) == 1
    assert capsys.readouterr().out.startswith(f"{bad}:2: ")
