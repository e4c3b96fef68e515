"""Compile the engine and the fold in place when its sources, or what they are compiled with, have changed.

The compiled modules lie beside their sources and are optional: without them the same sources run, about ten times
slower. Whatever happens here, a compiled module never outlives the source it was made from.
"""

import fcntl
import hashlib
import importlib.metadata
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src"
# The same as in setup.py.
COMPILED_PACKAGES = (SOURCE / "waiver_exchange/engine", SOURCE / "waiver_exchange/projections")
BUILD = ROOT / "build"
STAMP = BUILD / "engine.stamp"
LOG = BUILD / "engine.log"
GROUP_MODULE = "waiver_exchange_engine__mypyc"
GENERATED = BUILD / "__native_waiver_exchange_engine.c"
# A literal without a suffix is a C int, so what is shifted is 32 bits wide: wrong from bit 31 upwards, without a word.
NARROW_SHIFT = re.compile(r"(?<![\w.])\d+ << cpy_r_\w+")
COMPILE_SECONDS_MAX = 900


def main() -> int:
    """Bring the compiled engine up to date; silent when it is."""
    BUILD.mkdir(exist_ok=True)
    with (BUILD / "engine.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two terminals may run make at once
        compiler = find_compiler()
        fingerprint = fingerprint_of_inputs(compiler)
        if not is_current(fingerprint):
            remove_compiled()
            STAMP.unlink(missing_ok=True)
            outcome = build(compiler)
            STAMP.write_text(f"{fingerprint} {outcome}\n", encoding="ascii")
    return 0


def engine_sources() -> list[Path]:
    """The modules that are compiled."""
    modules = (path for package in COMPILED_PACKAGES for path in package.glob("*.py"))
    return sorted(path for path in modules if path.name != "__init__.py")


def compiled_files() -> list[Path]:
    """All compiled modules in the tree, of this Python or another."""
    modules = (path for package in COMPILED_PACKAGES for path in package.glob("*.so"))
    return [*modules, *SOURCE.glob(f"{GROUP_MODULE}*.so")]


def remove_compiled() -> None:
    """Unlink rather than overwrite: a running exchange has these files mapped."""
    for path in compiled_files():
        path.unlink()


def find_compiler() -> str | None:
    """The C compiler that setuptools would use, if it is there."""
    command = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    return shutil.which(shlex.split(command)[0])


def fingerprint_of_inputs(compiler: str | None) -> str:
    """A hash of all that decides the compiled code.

    The constants of `domain` belong to it: mypyc writes the values of `Final` names into the code that uses them.
    """
    digest = hashlib.sha256()
    domain_sources = sorted((ROOT / "src/waiver_exchange/domain").rglob("*.py"))
    for path in (*engine_sources(), *domain_sources, ROOT / "setup.py"):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(ROOT)} {len(content)}\n".encode())
        digest.update(content)
    versions = (importlib.metadata.version(name) for name in ("mypy", "librt", "setuptools"))
    flags = (os.environ.get(name, "") for name in ("CC", "CFLAGS", "LDFLAGS"))
    digest.update("\n".join((sys.version, str(compiler), *versions, *flags)).encode())
    return digest.hexdigest()


def is_current(fingerprint: str) -> bool:
    """Whether the last build had the same inputs and what it left is still there."""
    if not STAMP.exists():
        return False
    built_fingerprint, outcome = STAMP.read_text(encoding="ascii").split()
    if built_fingerprint != fingerprint:
        return False
    expected_count = len(engine_sources()) + 1 if outcome == "compiled" else 0
    return len(compiled_files()) == expected_count


def build(compiler: str | None) -> str:
    """Compile, say how it went, and return the outcome: compiled, uncompiled or empty."""
    if not engine_sources():
        return "empty"
    if compiler is None:
        report_uncompiled("no C compiler found", log=False)
        return "uncompiled"
    print("engine: compiling", flush=True)
    started = time.monotonic()
    if not (compiles() and shifts_are_wide() and imports()):
        remove_compiled()
        report_uncompiled("compiling failed", log=True)
        return "uncompiled"
    print(f"engine: compiled in {time.monotonic() - started:.0f} s", flush=True)
    return "compiled"


def compiles() -> bool:
    """Run the compiler with its output in the log."""
    command = [sys.executable, "setup.py", "build_ext", "--force", "--inplace", "--build-temp=build/engine"]
    return runs_into_log(command, mode="w") and len(compiled_files()) == len(engine_sources()) + 1


def shifts_are_wide() -> bool:
    """Refuse code with a 32-bit shift: what `tools/check_shifts.py` forbids in the sources, seen in the result."""
    narrow = find_narrow_shifts(GENERATED.read_text(encoding="utf-8"))
    if narrow:
        with LOG.open("a", encoding="utf-8") as log:
            log.writelines(f"{GENERATED.relative_to(ROOT)}: 32-bit shift: {shift}\n" for shift in narrow)
    return not narrow


def find_narrow_shifts(generated: str) -> list[str]:
    """The shifts of a C int by a variable in code that mypyc generated."""
    return NARROW_SHIFT.findall(generated)


def imports() -> bool:
    """Try what was built in a process of its own: a module that cannot be loaded must not stay."""
    names = [".".join(path.relative_to(SOURCE).with_suffix("").parts) for path in engine_sources()]
    code = "import importlib, sys; sys.path.insert(0, 'src'); [importlib.import_module(name) for name in sys.argv[1:]]"
    return runs_into_log([sys.executable, "-c", code, *names], mode="a")


def runs_into_log(command: list[str], *, mode: str) -> bool:
    """Run a command at the root with all its output in the log; return whether it succeeded."""
    with LOG.open(mode, encoding="utf-8") as log:
        try:
            completed = subprocess.run(
                command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, timeout=COMPILE_SECONDS_MAX, check=False
            )
        except subprocess.TimeoutExpired:
            log.write(f"\nstopped after {COMPILE_SECONDS_MAX} s\n")
            return False
    return completed.returncode == 0


def report_uncompiled(reason: str, *, log: bool) -> None:
    """One line, so that nobody wonders why the exchange is slow."""
    where = f"; log: {LOG.relative_to(ROOT)}" if log else ""
    print(f"engine: running uncompiled ({reason}); some 50 times slower{where}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
