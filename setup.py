"""Compile the engine and the fold with mypyc. Everything else about the package stands in pyproject.toml.

Only the commands that need machine code compile; an editable install does not, `tools/build_engine.py` does it after.
"""

import sys
from pathlib import Path

from setuptools import Extension, setup

# The same as in tools/build_engine.py.
COMPILED_PACKAGES = ("src/waiver_exchange/engine", "src/waiver_exchange/projections")
COMPILING_COMMANDS = frozenset({"build_ext", "bdist_wheel"})


def engine_extensions() -> list[Extension]:
    """One extension group of all modules of the compiled packages, so that calls between them stay calls in C."""
    from mypyc.build import mypycify  # noqa: PLC0415 -- an editable install does without mypyc

    modules = (module for package in COMPILED_PACKAGES for module in Path(package).glob("*.py"))
    sources = sorted(str(path) for path in modules if path.name != "__init__.py")
    if not sources:
        return []
    # A type-check cache of its own: sharing .mypy_cache with `make check` would make each throw away the other's work.
    # Without the project's configuration: how strict the types are is for `make check` to say, not for who installs.
    # One C file for the group lets the compiler inline across modules.
    extensions: list[Extension] = mypycify(
        ["--config-file=", "--cache-dir=build/mypyc_cache", *sources],
        opt_level="3",
        debug_level="0",
        multi_file=False,
        separate=False,
        group_name="waiver_exchange_engine",
    )
    for extension in extensions:
        # Without this no function can be inlined across modules, because another library might replace it: 15 % slower.
        extension.extra_compile_args = [*extension.extra_compile_args, "-fno-semantic-interposition"]
    return extensions


setup(ext_modules=engine_extensions() if COMPILING_COMMANDS & set(sys.argv) else [])
