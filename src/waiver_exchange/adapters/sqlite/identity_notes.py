"""Notes about accounts in the file of names and keys; their text is sealed, and read when it is asked for."""

import sqlite3

from waiver_exchange.adapters.sqlite.identity_thread import IdentityThread
from waiver_exchange.application.identity_ports import Note, NoteStore


class SqliteNotes(NoteStore):
    """A `NoteStore` that keeps nothing in memory."""

    def __init__(self, file: IdentityThread) -> None:
        """Take the file."""
        self._file = file

    async def add_note(self, note: Note) -> None:
        """Keep a note. Raises `IdentityError`."""

        def add(connection: sqlite3.Connection) -> None:
            text = self._file.seal(note.text, table="notes", column="text", row=note.note_id)
            values = (note.note_id, note.account, note.author, note.created_at_ns, text)
            connection.execute("INSERT INTO notes VALUES (?, ?, ?, ?, ?)", values)

        await self._file.change(add, then=_done)

    async def list_notes(self, account: int) -> list[Note]:
        """Return the notes about an account, oldest first. Raises `IdentityError`."""

        def read(connection: sqlite3.Connection) -> list[Note]:
            rows = connection.execute(
                "SELECT note_id, account, author, created_at_ns, text FROM notes WHERE account = ? "
                "ORDER BY created_at_ns, note_id",
                (account,),
            )
            return [
                Note(
                    note_id=note_id,
                    account=of_account,
                    author=author,
                    created_at_ns=created_at_ns,
                    text=self._file.open(text, table="notes", column="text", row=note_id),
                )
                for note_id, of_account, author, created_at_ns, text in rows
            ]

        return await self._file.read(read)


def _done(_: None) -> None:
    pass
