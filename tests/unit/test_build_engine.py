from tools.build_engine import find_narrow_shifts


def test_shift_of_a_c_int_by_a_variable_is_found() -> None:
    assert find_narrow_shifts("    cpy_r_r0 = 1 << cpy_r_n;\n    cpy_r_r1 = -2 << cpy_r_n;") == [
        "1 << cpy_r_n",
        "2 << cpy_r_n",
    ]


def test_wide_and_fixed_shifts_pass() -> None:
    generated = """
    cpy_r_r0 = 4294967296LL << cpy_r_n;
    cpy_r_r1 = cpy_r_value << cpy_r_n;
    cpy_r_r2 = cpy_r_r1 << cpy_r_n;
    cpy_r_r3 = cpy_r_x << 40;
    __bitmap |= 1 << 0;
    """
    assert find_narrow_shifts(generated) == []
