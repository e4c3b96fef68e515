"""This program run beside itself, for work that trading does not wait for."""

import asyncio
import logging
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

_SNAPSHOT_NICENESS: Final = 10
_SNAPSHOT_SECONDS_MAX: Final = 3_600
_CHECKPOINT_SECONDS_MAX: Final = 6 * 3_600

_log = logging.getLogger(__name__)


async def run_snapshot_process(data_dir: Path) -> None:
    """Take a snapshot in a process of its own, so that trading does not wait for it."""
    code = await _run_process("snapshot", "--data-dir", str(data_dir), seconds_max=_SNAPSHOT_SECONDS_MAX)
    if code != 0:
        _log.error("no snapshot could be taken (exit code %d); only the next start becomes slower", code)


class CheckpointFailedError(Exception):
    """The process that makes checkpoints ended without one; what it wrote to the log says why."""


async def run_checkpoint_process(data_dir: Path) -> None:
    """Make a checkpoint in a process of its own. Raises `CheckpointFailedError`."""
    code = await _run_process("audit", "checkpoint", "--data-dir", str(data_dir), seconds_max=_CHECKPOINT_SECONDS_MAX)
    if code != 0:
        raise CheckpointFailedError(f"`waiver audit checkpoint` ended with code {code}; the log says why.")


async def _run_process(*arguments: str, seconds_max: int) -> int:
    """Run this program with other arguments, politely; return its exit code. Raises `TimeoutError`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "waiver_exchange",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        with suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, process.pid, _SNAPSHOT_NICENESS)
        return await asyncio.wait_for(process.wait(), seconds_max)
    except BaseException:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
        raise
