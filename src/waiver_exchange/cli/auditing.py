"""The work behind `waiver audit`, on the files of a data directory, whether or not a server runs on it."""

import os
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from waiver_exchange.adapters.secrets.errors import SecretsError
from waiver_exchange.adapters.secrets.strength import decode_key
from waiver_exchange.application.audit_export import ExportRange
from waiver_exchange.application.checkpoints.note import NoteError, VerifyingKey
from waiver_exchange.application.checkpoints.trust import CheckpointsWrongError, believe, split_notes
from waiver_exchange.bootstrap import (
    check_data_directory,
    checkpoint_data_directory,
    checkpoint_store,
    export_data_directory,
)
from waiver_exchange.cli.failures import EXIT_USAGE, CommandFailedError, opening_failure
from waiver_exchange.cli.offline import OPENING_FAILURES
from waiver_exchange.cli.output import say
from waiver_exchange.config import Settings
from waiver_exchange.engine.invariant import InvariantError
from waiver_exchange.gateway.control.protocol import Result

_PROGRESS_BYTES: Final = 64 << 20


async def make(settings: Settings, *, next_public_key: bytes | None = None) -> Result:
    """Make a checkpoint and say what it is. Raises `CommandFailedError`."""
    try:
        made = await checkpoint_data_directory(settings, next_public_key=next_public_key)
    except (*OPENING_FAILURES, SecretsError, InvariantError, NoteError) as error:
        raise CommandFailedError(code="checkpoint_failed", message=str(error)) from error
    except OSError as error:
        raise CommandFailedError(
            code="checkpoint_failed", message=f"The checkpoint cannot be written: {error}"
        ) from error
    if made is None:
        raise CommandFailedError(code="checkpoint_failed", message="The journal is empty; there is nothing to sign.")
    checkpoint = made.checkpoint
    return {
        "sequence": checkpoint.sequence,
        "chain": checkpoint.chain.hex(),
        "state_hash": checkpoint.state_hash,
        "hash": checkpoint.hash,
    }


def read_next_key(path: Path) -> bytes:
    """Return the public half of an audit signing key that is not in use yet. Raises `CommandFailedError`."""
    try:
        seed = decode_key(path.read_text(encoding="ascii").strip())
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailedError(code="key_unusable", message=f"{path}: {error}", exit_code=EXIT_USAGE) from error
    if seed is None:
        message = f"{path} holds no key; make one with `waiver secrets init --directory DIR`."
        raise CommandFailedError(code="key_unusable", message=message, exit_code=EXIT_USAGE)
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


async def check(settings: Settings, *, file: Path | None, public_keys: tuple[str, ...], executes: bool) -> Result:
    """Check the journal against a file of checkpoints, and say how far it is proven. Raises `CommandFailedError`."""
    try:
        notes = _read_notes(settings, file)
        checkpoints = believe(notes, keys=_keys(settings, public_keys))
        found = await check_data_directory(
            settings, checkpoints=checkpoints, executes=executes, report=lambda rows: say(f"{rows:,} rows checked")
        )
    except CheckpointsWrongError as error:
        return _failed("checkpoints_wrong", str(error))
    except OPENING_FAILURES as error:
        raise opening_failure(error, settings) from error
    except OSError as error:
        raise CommandFailedError(code="file_unusable", message=str(error), exit_code=EXIT_USAGE) from error
    result: Result = {
        "ok": found.difference is None,
        "checkpoints": found.checkpoints,
        "proven_sequence": found.proven_sequence,
        "sequence": found.sequence,
    }
    if found.difference is None:
        return result
    rows = {"first_row": found.first_row, "last_row": found.last_row}
    return result | rows | _failed("verification_failed", found.difference)


async def export(settings: Settings, *, first: int, last: int, output: Path) -> Result:
    """Write an export to a new file. Raises `CommandFailedError`."""
    if last < first:
        raise CommandFailedError(code="usage", message=f"--to {last} lies before --from {first}.", exit_code=EXIT_USAGE)
    try:
        descriptor = os.open(output, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError as error:
        message = f"{output} is there already; an export never overwrites a file: name another, or remove it first."
        raise CommandFailedError(code="file_unusable", message=message) from error
    except OSError as error:
        raise CommandFailedError(code="file_unusable", message=f"{output}: {error.strerror}") from error
    size = told = 0
    try:
        with os.fdopen(descriptor, "wb") as file:
            async for piece in export_data_directory(settings, rows=ExportRange(first=first, last=last)):
                size += file.write(piece)
                if size - told >= _PROGRESS_BYTES:
                    told = size
                    say(f"{size >> 20:,} MiB written")
            file.flush()
            os.fsync(file.fileno())
    except BaseException as error:
        output.unlink(missing_ok=True)  # noqa: ASYNC240 - nobody else waits
        if isinstance(error, (*OPENING_FAILURES, SecretsError, NoteError, OSError)):
            raise CommandFailedError(code="export_failed", message=str(error)) from error
        raise
    return {"file": str(output), "first": first, "last": last, "bytes": size}


def _read_notes(settings: Settings, file: Path | None) -> list[str]:
    if file is not None:
        return split_notes(file.read_text(encoding="utf-8", errors="replace"))
    say("these are the exchange's own checkpoints; a published copy, with --checkpoint, is what proves something")
    store = checkpoint_store(settings)
    return store.read(start=0, limit=store.count())


def _keys(settings: Settings, given: tuple[str, ...]) -> tuple[VerifyingKey, ...]:
    texts = [line for text in given for line in _key_lines(text)] if given else checkpoint_store(settings).public_keys()
    try:
        keys = tuple(VerifyingKey.parse(text) for text in texts)
    except NoteError as error:
        raise CommandFailedError(code="key_unusable", message=f"{error}.", exit_code=EXIT_USAGE) from error
    if not keys:
        message = "There is no public key to believe; give one with --public-key."
        raise CommandFailedError(code="key_unusable", message=message, exit_code=EXIT_USAGE)
    return keys


def _key_lines(text: str) -> list[str]:
    path = Path(text)
    return path.read_text(encoding="utf-8").split() if "+" not in text and path.is_file() else [text]


def _failed(code: str, difference: str) -> Result:
    return {
        "ok": False,
        "difference": difference,
        "error": {"code": code, "message": difference, "details": {}},
    }
