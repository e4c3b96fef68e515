"""Answers that overtake the row that they are about, as they do when rows come another way than the link."""

import asyncio

import pytest

from waiver_exchange.adapters.link import remote_sequencer, wire
from waiver_exchange.adapters.link.remote_sequencer import RemoteSequencer
from waiver_exchange.application.feed import Feed
from waiver_exchange.application.outcome import Outcome
from waiver_exchange.application.ports import JournalRow
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.commands import ResumeMarket
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.projections.fold import Projector
from waiver_exchange.projections.state import ReadModelState

ROW = JournalRow(sequence=1, time_ns=1, account=0, key=b"k" * 16, command=b"", events=b"", chain=b"1" * 32)


async def answered_before_its_row(sequencer: RemoteSequencer) -> "asyncio.Future[Outcome]":
    sequencer.join(lambda _: None)
    answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    sequencer.begin(ResumeMarket(market=1), answer=answer, key=b"k" * 16)
    sequencer.answer(wire.Answers([1, ROW.sequence], [], []))
    sequencer.part()
    assert not answer.done()
    return answer


@pytest.fixture
def sequencer(monkeypatch: pytest.MonkeyPatch) -> RemoteSequencer:
    monkeypatch.setattr(Feed, "publish", lambda *_, **__: None)
    return RemoteSequencer(Projector(ReadModelState()), chain=b"0" * 32)


async def test_an_answer_whose_row_is_shown_after_the_link_broke_is_given(sequencer: RemoteSequencer) -> None:
    answer = await answered_before_its_row(sequencer)
    sequencer.show([ROW])
    assert answer.result() == Outcome(ROW, is_repetition=False)


@pytest.mark.parametrize("ends_by", ["give_up", "join"])
async def test_whose_row_is_never_shown_is_told_that_nobody_knows(sequencer: RemoteSequencer, ends_by: str) -> None:
    answer = await answered_before_its_row(sequencer)
    if ends_by == "give_up":
        sequencer.give_up()
    else:
        sequencer.join(lambda _: None)
    with pytest.raises(RefusedError) as refused:
        await answer
    assert refused.value.reason is RefusalReason.outcome_is_unknown


async def test_answers_that_wait_for_their_rows_count_as_under_way(
    sequencer: RemoteSequencer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_sequencer, "IN_FLIGHT_MAX", 1)
    sequencer.join(lambda _: None)
    loop = asyncio.get_running_loop()
    first: asyncio.Future[Outcome] = loop.create_future()
    second: asyncio.Future[Outcome] = loop.create_future()
    sequencer.begin(ResumeMarket(market=1), answer=first, key=b"k" * 16)
    await asyncio.sleep(0)
    sequencer.answer(wire.Answers([1, ROW.sequence], [], []))
    with pytest.raises(RefusedError) as refused:
        sequencer.begin(ResumeMarket(market=2), answer=second, key=b"l" * 16)
    assert refused.value.reason is RefusalReason.exchange_is_busy
    sequencer.show([ROW])
    sequencer.begin(ResumeMarket(market=2), answer=second, key=b"l" * 16)
