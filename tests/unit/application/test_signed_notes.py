"""Signed notes and checkpoints: the form of others, exactly one way to say a thing, and nothing believed unsigned."""

from dataclasses import replace

import pytest

from waiver_exchange.application.checkpoints.checkpoint import Checkpoint, parse_checkpoint, read_signed
from waiver_exchange.application.checkpoints.note import NoteError, Signer, VerifyingKey, parse_note

# The example in the documentation of Go's golang.org/x/mod/sumdb/note.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
SIGNER = Signer(name="waiver-exchange/journal/00", seed=bytes(range(32)))
CHECKPOINT = Checkpoint(
    origin="waiver-exchange/journal/00",
    sequence=7,
    chain=bytes(range(32)),
    time_ns=1_788_739_200_000_000_000,
    state_format=3,
    state_hash="ab" * 32,
    cash_issued_micros=5_000_000,
    cash_held_micros=5_000_000,
    previous="cd" * 32,
)


def test_a_note_that_another_program_signed_is_verified() -> None:
    key = VerifyingKey.parse(GO_KEY)
    assert key.text == GO_KEY
    assert parse_note(GO_NOTE).signed_by((key,)) == key
    with pytest.raises(NoteError, match="wrong"):
        parse_note(GO_NOTE.replace("problem,", "problem.")).signed_by((key,))


def test_a_note_is_signed_and_read() -> None:
    note = parse_note(SIGNER.sign("one\ntwo\n"))
    assert note.text == "one\ntwo\n"
    assert note.signed_by((SIGNER.key,)) == SIGNER.key
    other = Signer(name=SIGNER.key.name, seed=bytes(32)).key
    with pytest.raises(NoteError, match="no known key"):
        note.signed_by((other,))


def test_signatures_by_others_beside_the_own_do_no_harm() -> None:
    witness = Signer(name="witness", seed=bytes(32))
    _, _, line = witness.sign("one\n").rpartition("\n\n")
    note = parse_note(SIGNER.sign("one\n") + line)
    assert note.signed_by((SIGNER.key,)) == SIGNER.key
    assert note.signed_by((witness.key,)) == witness.key


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "name+00000000+AQ==", GO_KEY[:-2], GO_KEY.replace("c74f", "c74e"), GO_KEY.replace("+AR", "+BR")],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        VerifyingKey.parse(text)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "text",
        "text\n\n",
        "text\n\nname AAAA\n",
        "text\n\n— name !!\n",
        "text\n\n— name AAAA\n",
        "text\n\n— AAAAAAAA\n",
    ],
)
def test_what_is_no_note_is_refused(content: str) -> None:
    with pytest.raises(NoteError):
        parse_note(content)


@pytest.mark.parametrize("next_key", [None, VerifyingKey("waiver-exchange/journal/00", bytes(32))])
@pytest.mark.parametrize("previous", ["", "cd" * 32])
def test_a_checkpoint_is_written_and_read(next_key: VerifyingKey | None, previous: str) -> None:
    checkpoint = replace(CHECKPOINT, next_key=next_key, previous=previous)
    assert parse_checkpoint(checkpoint.text) == checkpoint
    assert read_signed(SIGNER.sign(checkpoint.text)).checkpoint == checkpoint
    assert all(checkpoint.text.split("\n")[:-1])  # no empty line, which would end the note's text


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n7\n", "\n07\n"),
        ("\n7\n", "\n-7\n"),
        ("ab" * 32, "AB" * 32),
        ("ab" * 32, "ab" * 31),
        ("AAEC", "AAE!"),
        ("state-format 3\n", ""),
        ("cash-held", "cash-help"),
        ("cash-held 5000000", "cash-held 5000000 "),
        ("previous " + "cd" * 32, "previous x"),
        ("previous " + "cd" * 32, "previous " + "cd" * 32 + "\nnext-key nobody"),
    ],
)
def test_a_checkpoint_that_is_written_otherwise_is_refused(old: str, new: str) -> None:
    assert old in CHECKPOINT.text
    with pytest.raises(NoteError):
        parse_checkpoint(CHECKPOINT.text.replace(old, new))
