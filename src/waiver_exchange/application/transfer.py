"""Move a journal into another store, row by row as it is; begun before, it goes on where it was cut short."""

from collections.abc import Callable
from typing import Final

from waiver_exchange.application.ports import Journal, JournalRow

COPY_ROWS: Final = 1_024
_PROGRESS_ROWS: Final = 100_000


class TransferRefusedError(Exception):
    """An exchange cannot be moved to the target; the message says why and what to do. Nothing was written."""


class TransferFinishedError(TransferRefusedError):
    """The exchange was moved to the target before; `has_all_rows` tells whether the source got no rows since."""

    def __init__(self, *, has_all_rows: bool) -> None:
        """Say where the exchange goes on."""
        super().__init__(
            "The transfer into this database has come to its end already, and nothing was changed: the exchange goes "
            "on there. Set WAIVER_DATABASE_URL for every server and command; to move what the files got since, "
            "transfer them into an empty database."
        )
        self.has_all_rows = has_all_rows


async def check_target(*, source: Journal, target: Journal) -> int:
    """Return how many rows of the source the target has already. Raises `TransferRefusedError`, `JournalError`."""
    newest = await source.last()
    if newest is None:
        raise TransferRefusedError("The source has no rows; there is nothing to move.")
    held = await target.last()
    if held is None:
        return 0
    if held.sequence > newest.sequence:
        raise TransferRefusedError(
            f"The target has {held.sequence:,} rows and the source {newest.sequence:,}: it was used since, or holds "
            "another exchange. Transfer into an empty database."
        )
    if await source.read(after=held.sequence - 1, limit=1) != [held]:
        raise TransferRefusedError(
            f"The target holds another exchange: its row {held.sequence:,} is not that of the source. Transfer into an "
            "empty database."
        )
    return held.sequence


async def copy_journal(*, source: Journal, target: Journal, after: int, report: Callable[[int], None]) -> int:
    """Append the source's rows behind `after` to the target, and return the last one's number.

    `report` is told how many rows the target has. Raises `JournalError`; then it can be called again.
    """
    while rows := await source.read_plain(after=after, limit=COPY_ROWS):
        await target.append(list(map(JournalRow._make, rows)))
        before, after = after, rows[-1][0]
        if after // _PROGRESS_ROWS != before // _PROGRESS_ROWS:
            report(after)
    return after
