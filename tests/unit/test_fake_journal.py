import asyncio

import pytest

from tests.fakes.journal import Failure, FakeJournal, chained_rows
from waiver_exchange.application.ports import JournalError


async def test_failed_append_writes_nothing_or_all_as_told() -> None:
    journal = FakeJournal()
    rows = chained_rows(2)
    journal.fail_next(Failure.nothing_written, Failure.all_written)
    with pytest.raises(JournalError):
        await journal.append(rows)
    assert await journal.last() is None
    with pytest.raises(JournalError):
        await journal.append(rows)
    assert await journal.last() == rows[-1]


async def test_gate_holds_appends_in_order() -> None:
    journal = FakeJournal()
    rows = chained_rows(2)
    journal.gate.clear()
    appends = [asyncio.create_task(journal.append([row])) for row in rows]
    await asyncio.sleep(0)
    assert await journal.last() is None
    journal.gate.set()
    await asyncio.gather(*appends)
    assert journal.rows == rows
