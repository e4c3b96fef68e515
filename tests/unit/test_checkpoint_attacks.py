"""Attacks on the journal and on its checkpoints: each is seen, and the row named where it can be known."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.auditing import Row, chained, make_history, published, read_rows, tamper, write_rows
from waiver_exchange.adapters.secrets.strength import decode_key
from waiver_exchange.application.checkpoints.checking import Finding
from waiver_exchange.application.checkpoints.checkpoint import Checkpoint
from waiver_exchange.application.checkpoints.making import CheckpointDisagreesError
from waiver_exchange.application.checkpoints.note import NoteError, Signer, VerifyingKey
from waiver_exchange.application.checkpoints.trust import CheckpointsWrongError, believe, split_notes
from waiver_exchange.application.markets import halt_exchange, resume_exchange
from waiver_exchange.application.ports import JournalBrokenError
from waiver_exchange.bootstrap import (
    check_data_directory,
    checkpoint_data_directory,
    checkpoint_store,
    running_exchange,
    snapshot_data_directory,
)
from waiver_exchange.config import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


def keys_of(settings: Settings) -> tuple[VerifyingKey, ...]:
    return tuple(VerifyingKey.parse(text) for text in checkpoint_store(settings).public_keys())


def checkpoints_in(file: Path, *, keys: tuple[VerifyingKey, ...]) -> list[Checkpoint]:
    return believe(split_notes(file.read_text()), keys=keys)


async def verify(settings: Settings, file: Path, *, executes: bool = True) -> Finding:
    checkpoints = checkpoints_in(file, keys=keys_of(settings))
    return await check_data_directory(settings, checkpoints=checkpoints, executes=executes, report=lambda _: None)


async def test_an_untouched_journal_is_proven_up_to_its_last_checkpoint(settings: Settings, tmp_path: Path) -> None:
    made = await make_history(settings, checkpoints=2)
    found = await verify(settings, published(settings, tmp_path))
    last = made[-1].checkpoint.sequence
    assert (found.difference, found.checkpoints, found.proven_sequence, found.sequence) == (None, 2, last, last)


def edited(rows: list[Row], *, at: int) -> list[Row]:
    command = bytearray(rows[at - 1][4])
    command[24] ^= 1  # the first word behind the account
    rows[at - 1][4] = bytes(command)
    return rows


def dropped(rows: list[Row], *, at: int) -> list[Row]:
    return [row for row in rows if row[0] != at]


def swapped(rows: list[Row], *, at: int) -> list[Row]:
    first, second = rows[at - 1], rows[at]
    rows[at - 1 : at + 1] = [[first[0], *second[1:]], [second[0], *first[1:]]]
    return rows


@pytest.mark.parametrize("executes", [True, False])
@pytest.mark.parametrize("attack", [edited, dropped, swapped])
async def test_a_row_that_is_changed_is_named(
    settings: Settings, tmp_path: Path, attack: Callable[..., list[Row]], *, executes: bool
) -> None:
    await make_history(settings)
    file = published(settings, tmp_path)
    tamper(settings, lambda rows: attack(rows, at=8))
    found = await verify(settings, file, executes=executes)
    assert found.difference is not None
    assert "row 8" in found.difference
    assert (found.first_row, found.last_row, found.proven_sequence) == (8, 8, 0)


@pytest.mark.parametrize("attack", [edited, dropped, swapped])
async def test_a_chain_made_anew_deceives_itself_and_no_checkpoint(
    settings: Settings, tmp_path: Path, attack: Callable[..., list[Row]]
) -> None:
    made = await make_history(settings, rows=6, checkpoints=2)
    signed = [checkpoint.checkpoint.sequence for checkpoint in made]
    file = published(settings, tmp_path)
    tamper(settings, lambda rows: chained(attack(rows, at=signed[0] + 2)))
    found = await verify(settings, file, executes=False)
    assert found.difference is not None
    # Whole in itself, so that it can be said only between which two checkpoints it was changed.
    assert found.proven_sequence == signed[0]
    assert found.first_row == signed[0] + 1
    assert found.last_row == signed[1]


async def test_executing_names_the_changed_row_though_the_chain_was_made_anew(
    settings: Settings, tmp_path: Path
) -> None:
    await make_history(settings)
    file = published(settings, tmp_path)

    def richer(rows: list[Row]) -> list[Row]:
        deposit = next(row for row in rows if row[2] and bytes(row[4])[0] == 3)
        command = bytearray(deposit[4])
        command[24:32] = (9_000_000_000).to_bytes(8, "little")
        deposit[4] = bytes(command)
        return chained(rows)

    tamper(settings, richer)
    changed = next(int(str(row[0])) for row in read_rows(settings) if row[2] and bytes(row[4])[0] == 3)
    found = await verify(settings, file)
    assert (found.first_row, found.last_row) == (changed, changed)


async def test_a_cut_tail_is_missed_by_the_chain_and_seen_by_the_checkpoint(settings: Settings, tmp_path: Path) -> None:
    (made,) = await make_history(settings)
    file = published(settings, tmp_path)
    last = made.checkpoint.sequence
    tamper(settings, lambda rows: rows[:-3])
    found = await verify(settings, file)
    assert found.difference is not None
    assert "3 rows are gone" in found.difference
    assert (found.sequence, found.first_row, found.last_row) == (last - 3, 1, last)


async def test_no_checkpoint_is_signed_of_a_journal_that_an_earlier_one_contradicts(settings: Settings) -> None:
    await make_history(settings)
    before = checkpoint_store(settings).count()
    tamper(settings, lambda rows: chained(swapped(rows, at=8)))
    with pytest.raises(JournalBrokenError):
        await checkpoint_data_directory(settings)
    tamper(settings, lambda rows: rows[:-3])
    with pytest.raises(CheckpointDisagreesError):
        await checkpoint_data_directory(settings)
    assert checkpoint_store(settings).count() == before


async def test_rows_under_a_snapshot_are_hashed_again_before_anything_is_signed(settings: Settings) -> None:
    (made,) = await make_history(settings)
    async with running_exchange(settings) as exchange:
        for _ in range(4):
            await halt_exchange(exchange)
            await resume_exchange(exchange)
    await snapshot_data_directory(settings)
    rows = read_rows(settings)
    after = made.checkpoint.sequence
    # Only the bytes of a row that lies between the checkpoint and the snapshot, whose own row is as it was.
    write_rows(settings, edited(rows, at=after + 2))
    with pytest.raises(JournalBrokenError, match=f"row {after + 2}"):
        await checkpoint_data_directory(settings)


def signed_text(settings: Settings, tmp_path: Path) -> tuple[Path, str]:
    file = published(settings, tmp_path)
    return file, file.read_text()


@pytest.mark.parametrize(
    ("old", "new"),
    [("state-format", "state-formal"), ("cash-held 1000000000", "cash-held 2000000000"), ("time-ns 1", "time-ns 2")],
)
async def test_an_edited_checkpoint_is_not_believed(settings: Settings, tmp_path: Path, old: str, new: str) -> None:
    await make_history(settings)
    file, text = signed_text(settings, tmp_path)
    assert old in text
    file.write_text(text.replace(old, new))
    with pytest.raises(CheckpointsWrongError, match="Checkpoint 1"):
        await verify(settings, file)


async def test_a_checkpoint_by_another_key_is_not_believed(settings: Settings, tmp_path: Path) -> None:
    await make_history(settings)
    other = Settings(data_dir=tmp_path / "other")
    await make_history(other)
    with pytest.raises(CheckpointsWrongError, match="no known key"):
        checkpoints_in(published(settings, tmp_path), keys=keys_of(other))


async def test_the_checkpoints_of_another_exchange_prove_nothing_here(settings: Settings, tmp_path: Path) -> None:
    await make_history(settings)
    other = Settings(data_dir=tmp_path / "other")
    await make_history(other)
    checkpoints = checkpoints_in(published(settings, tmp_path), keys=keys_of(settings))
    found = await check_data_directory(other, checkpoints=checkpoints, executes=True, report=lambda _: None)
    assert found.difference is not None
    assert (found.proven_sequence, found.first_row) == (0, 1)


async def test_checkpoints_that_were_cut_or_reordered_are_not_believed(settings: Settings, tmp_path: Path) -> None:
    await make_history(settings, checkpoints=2)
    text = published(settings, tmp_path).read_text()
    with pytest.raises(CheckpointsWrongError):
        split_notes(text[: text.rindex("\n\n—")])
    first, second = split_notes(text)
    with pytest.raises(CheckpointsWrongError, match="out of order"):
        believe([second, first], keys=keys_of(settings))
    with pytest.raises(CheckpointsWrongError, match="no checkpoint"):
        believe([], keys=keys_of(settings))


async def test_after_a_change_of_keys_the_first_key_is_enough(settings: Settings, tmp_path: Path) -> None:
    await make_history(settings)
    first_key = keys_of(settings)
    secret = settings.data_dir / "secrets" / "audit_signing_key"
    seed = bytes(range(32))
    await checkpoint_data_directory(settings, next_public_key=Signer(name="any", seed=seed).key.public_key)
    secret.write_text(seed.hex())
    await make_more(settings)
    assert len(keys_of(settings)) == 2
    file = published(settings, tmp_path)
    checkpoints = checkpoints_in(file, keys=first_key)
    assert len(checkpoints) == 3
    found = await check_data_directory(settings, checkpoints=checkpoints, executes=True, report=lambda _: None)
    assert found.difference is None
    # The new key alone is not: the old checkpoints were signed before it.
    with pytest.raises(CheckpointsWrongError, match="Checkpoint 1"):
        checkpoints_in(file, keys=keys_of(settings)[1:])


async def test_a_key_that_nobody_named_is_not_believed(settings: Settings, tmp_path: Path) -> None:
    await make_history(settings)
    first_key = keys_of(settings)
    (settings.data_dir / "secrets" / "audit_signing_key").write_text(bytes(range(32)).hex())
    await make_more(settings)
    with pytest.raises(CheckpointsWrongError, match="Checkpoint 2"):
        checkpoints_in(published(settings, tmp_path), keys=first_key)


def forged(settings: Settings, checkpoint: Checkpoint) -> str:
    """A checkpoint as whoever holds the exchange's key could sign it."""
    seed = decode_key((settings.data_dir / "secrets" / "audit_signing_key").read_text().strip())
    assert seed is not None
    return Signer(name=checkpoint.origin, seed=seed).sign(checkpoint.text)


async def test_two_checkpoints_that_name_another_hash_for_a_row_are_not_believed(settings: Settings) -> None:
    (made,) = await make_history(settings)
    one = made.checkpoint
    other = replace(one, chain=bytes(32), previous=one.hash)
    notes = [made.content, forged(settings, other)]
    with pytest.raises(CheckpointsWrongError, match="contradicts"):
        believe(notes, keys=keys_of(settings))
    # The same row may be signed twice, as when the key changes.
    again = forged(settings, replace(one, previous=one.hash))
    assert len(believe([made.content, again], keys=keys_of(settings))) == 2


async def test_a_checkpoint_that_was_taken_out_of_the_middle_is_missed(settings: Settings, tmp_path: Path) -> None:
    await make_history(settings, checkpoints=3)
    first, second, third = split_notes(published(settings, tmp_path).read_text())
    keys = keys_of(settings)
    assert len(believe([first, second, third], keys=keys)) == 3
    assert len(believe([second, third], keys=keys)) == 2
    with pytest.raises(CheckpointsWrongError, match="Checkpoint 2 of the file does not follow"):
        believe([first, third], keys=keys)


async def test_a_key_is_not_believed_behind_the_checkpoint_that_names_its_successor(
    settings: Settings, tmp_path: Path
) -> None:
    await make_history(settings)
    await checkpoint_data_directory(settings, next_public_key=Signer(name="any", seed=bytes(32)).key.public_key)
    file = published(settings, tmp_path)
    naming = checkpoints_in(file, keys=keys_of(settings))[-1]
    later = replace(naming, sequence=naming.sequence + 1, chain=bytes(32), previous=naming.hash, next_key=None)
    notes = [*split_notes(file.read_text()), forged(settings, later)]
    assert naming.next_key is not None
    for keys in (keys_of(settings), (*keys_of(settings), naming.next_key)):
        with pytest.raises(CheckpointsWrongError, match=r"Checkpoint 3 .* replaced the key"):
            believe(notes, keys=keys)
    assert len(believe([*notes[:2], Signer(name=naming.origin, seed=bytes(32)).sign(later.text)], keys=keys)) == 3


async def test_a_key_that_was_replaced_signs_no_checkpoint_any_more(settings: Settings) -> None:
    await make_history(settings)
    secret = settings.data_dir / "secrets" / "audit_signing_key"
    first = secret.read_text()
    seed = bytes(range(32))
    await checkpoint_data_directory(settings, next_public_key=Signer(name="any", seed=seed).key.public_key)
    with pytest.raises(NoteError, match="was replaced"):
        await checkpoint_data_directory(settings)
    secret.write_text(seed.hex())
    await make_more(settings)
    secret.write_text(first)
    with pytest.raises(NoteError, match="was replaced"):
        await checkpoint_data_directory(settings)
    assert checkpoint_store(settings).count() == 3


async def make_more(settings: Settings) -> None:
    async with running_exchange(settings) as exchange:
        await halt_exchange(exchange)
    assert await checkpoint_data_directory(settings) is not None
