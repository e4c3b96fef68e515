"""`waiver audit`: checkpoints of the journal, verifying against them, and exports for auditors."""

import asyncio
import fcntl
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Final, TypeVar

import click

from waiver_exchange.adapters.files.data_directory import DataDirectory
from waiver_exchange.cli.failures import EXIT_FAILED, CommandFailedError
from waiver_exchange.cli.options import common_options, reason_option
from waiver_exchange.cli.output import print_result
from waiver_exchange.cli.reach import open_directory, run_on_exchange, settings_of

_T = TypeVar("_T")
_ROW: Final = click.IntRange(min=1)


@click.group()
def audit() -> None:
    """Sign checkpoints of the journal, verify it against them, export it."""


@audit.command("checkpoint")
@common_options
def audit_checkpoint(data_dir: str | None, as_json: bool) -> None:  # noqa: FBT001
    """Verify the journal and sign a checkpoint of its last row; the running server starts this by itself."""
    from waiver_exchange.cli.auditing import make  # noqa: PLC0415 - slow to load

    settings = settings_of(data_dir)
    directory = open_directory(settings, may_create=False)
    print_result(_alone(directory, make(settings)), as_json=as_json)


@audit.command("rotate-key")
@click.option("--new-key", "new_key", required=True, metavar="FILE", help="The file of the next audit signing key.")
@reason_option
@common_options
def audit_rotate_key(data_dir: str | None, as_json: bool, new_key: str, reason: str) -> None:  # noqa: FBT001
    """Sign a checkpoint with the present key that names the next one; then put the next key in its place."""
    from waiver_exchange.cli.auditing import make, read_next_key  # noqa: PLC0415 - slow to load

    settings = settings_of(data_dir)
    directory = open_directory(settings, may_create=False)
    key = read_next_key(Path(new_key))
    # Recorded first, so that the checkpoint which names the key covers the reason.
    run_on_exchange(data_dir, "audit.record_key_rotation", {"public_key": key.hex(), "reason": reason})
    print_result(_alone(directory, make(settings, next_public_key=key)), as_json=as_json)


@audit.command("verify")
@click.option("--checkpoint", "file", metavar="FILE", help="Published checkpoints; without it the exchange's own.")
@click.option(
    "--public-key",
    "public_keys",
    multiple=True,
    metavar="KEY",
    help="A key to believe, or a file of such; without it those that the exchange keeps.",
)
@click.option("--chain-only", is_flag=True, help="Follow the hashes without executing the commands: faster.")
@common_options
def audit_verify(
    data_dir: str | None,
    as_json: bool,  # noqa: FBT001
    file: str | None,
    public_keys: tuple[str, ...],
    chain_only: bool,  # noqa: FBT001
) -> int:
    """Show that nothing was changed, dropped or reordered since the checkpoints; works beside a running server."""
    from waiver_exchange.cli.auditing import check  # noqa: PLC0415 - slow to load

    settings = settings_of(data_dir)
    open_directory(settings, may_create=False)
    result = asyncio.run(
        check(settings, file=Path(file) if file else None, public_keys=public_keys, executes=not chain_only)
    )
    if not as_json:
        result.pop("error", None)  # people read the difference
    print_result(result, as_json=as_json)
    return 0 if result["ok"] else EXIT_FAILED


@audit.command("export")
@click.option("--from", "first", type=_ROW, default=1, show_default=True, metavar="ROW", help="The first row.")
@click.option("--to", "last", type=_ROW, metavar="ROW", help="The last row; without it the newest, with a checkpoint.")
@click.option("--output", required=True, metavar="FILE", help="A new file, readable by you alone.")
@reason_option
@common_options
def audit_export(  # noqa: PLR0917 - click passes them by name
    data_dir: str | None,
    as_json: bool,  # noqa: FBT001
    first: int,
    last: int | None,
    output: str,
    reason: str,
) -> None:
    """Write rows of the journal as JSON Lines with the checkpoints that prove them; recorded in the journal."""
    from waiver_exchange.cli.auditing import export, make  # noqa: PLC0415 - slow to load

    settings = settings_of(data_dir)
    directory = open_directory(settings, may_create=False)
    if last is None:
        made = _alone(directory, make(settings))
        last = int(str(made["sequence"]))
    # Recorded before anything is written: nothing leaves without a trace.
    run_on_exchange(data_dir, "audit.record_export", {"first": first, "last": last, "reason": reason})
    print_result(asyncio.run(export(settings, first=first, last=last, output=Path(output))), as_json=as_json)


def _alone(directory: DataDirectory, work: Coroutine[None, None, _T]) -> _T:
    """Run what makes a checkpoint while nobody else makes one. Raises `CommandFailedError`."""
    directory.checkpoints.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(directory.checkpoints, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return asyncio.run(work)
    except BlockingIOError as error:
        work.close()
        raise CommandFailedError(
            code="checkpoint_in_progress", message="Another process is making a checkpoint of this exchange; try again."
        ) from error
    finally:
        os.close(descriptor)
