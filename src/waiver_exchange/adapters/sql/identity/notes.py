"""Notes about accounts beside names and keys; their text is sealed, and read when it is asked for."""

from sqlalchemy import Connection, insert, select

from waiver_exchange.adapters.sql.identity.schema import notes
from waiver_exchange.adapters.sql.identity.vault import Vault
from waiver_exchange.application.identity_ports import Note, NoteStore


class SqlNotes(NoteStore):
    """A `NoteStore` that keeps nothing in memory."""

    def __init__(self, vault: Vault) -> None:
        """Take the file."""
        self._vault = vault

    async def add_note(self, note: Note) -> None:
        """Keep a note. Raises `IdentityError`."""

        def add(connection: Connection) -> None:
            text = self._vault.seal(note.text, table="notes", column="text", row=note.note_id)
            row = {
                "note_id": note.note_id,
                "account": note.account,
                "author": note.author,
                "created_at_ns": note.created_at_ns,
                "text": text,
            }
            connection.execute(insert(notes), row)

        await self._vault.change(add, then=_done)

    async def list_notes(self, account: int) -> list[Note]:
        """Return the notes about an account, oldest first. Raises `IdentityError`."""

        def read(connection: Connection) -> list[Note]:
            query = select(notes).where(notes.c.account == account).order_by(notes.c.created_at_ns, notes.c.note_id)
            return [
                Note(
                    note_id=note_id,
                    account=of_account,
                    author=author,
                    created_at_ns=created_at_ns,
                    text=self._vault.open(text, table="notes", column="text", row=note_id),
                )
                for note_id, of_account, author, created_at_ns, text in connection.execute(query)
            ]

        return await self._vault.read(read)


def _done(_: None) -> None:
    pass
