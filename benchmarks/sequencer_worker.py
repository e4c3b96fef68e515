"""One measurement of the sequencer in a process of its own; prints durable commands and recovered rows a second."""

import asyncio
import gc
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Final

import uvloop

from benchmarks.recordings import read_records
from waiver_exchange.adapters.sqlite.journal import SqliteJournal
from waiver_exchange.adapters.system.clock import SystemClock
from waiver_exchange.application.exchange import STORE_SECONDS
from waiver_exchange.application.recovery import EngineAt, recover_engine
from waiver_exchange.application.sequencer import Sequencer
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import (
    CancelOrder,
    Command,
    ConfigureExchange,
    DepositCash,
    ExchangeParameters,
    GrantShares,
    ListMarket,
    OpenAccount,
    PlaceOrder,
    decode_command,
)
from waiver_exchange.projections.fold import Projector
from waiver_exchange.projections.state import ReadModelState

IN_FLIGHT: Final = 64
PREPARING: Final = 512


def main() -> None:
    """Measure a recording: `unnamed` orders, or orders that are `named` by a client order id each."""
    recording, kind, data_dir = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    data_dir.mkdir()
    print(*uvloop.run(measure(recording, data_dir, is_named=kind == "named")))


async def measure(recording: Path, data_dir: Path, *, is_named: bool) -> tuple[float, float]:
    """Return durable commands a second with 64 in flight, and journal rows recovered a second."""
    journal = SqliteJournal.open(data_dir / "journal.db")
    recover = partial(recover_engine, journal=journal, snapshots=None)
    projector = Projector(ReadModelState())
    at = await recover()
    sequencer = Sequencer(at=at, journal=journal, projector=projector, clock=SystemClock(), recover=recover)
    running = asyncio.create_task(sequencer.run())
    await _submit_all(sequencer, _commands(recording, "setup", "filling"), in_flight=PREPARING)
    _forget(projector)
    commands = list(_commands(recording, "commands"))
    if is_named:
        commands = [_named(command, number) for number, command in enumerate(commands)]
    # As the server does: what lives as long as the process is not searched for garbage.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    storing = asyncio.create_task(_forget_forever(projector))
    started = time.perf_counter()
    await _submit_all(sequencer, iter(commands), in_flight=IN_FLIGHT)
    durable = len(commands) / (time.perf_counter() - started)
    storing.cancel()
    sequencer.stop()
    await running
    rows, seconds = await _recover(recover)
    await journal.close()
    return durable, rows / seconds


async def _recover(recover: Callable[[], Awaitable[EngineAt]]) -> tuple[int, float]:
    started = time.perf_counter()
    at = await recover()
    return at.sequence, time.perf_counter() - started


async def _submit_all(sequencer: Sequencer, commands: Iterator[Command], *, in_flight: int) -> None:
    async def client() -> None:
        for command in commands:
            await sequencer.submit(command)

    await asyncio.gather(*(client() for _ in range(in_flight)))


async def _forget_forever(projector: Projector) -> None:
    """Take the changes as often as the service does; writing them is for the thread of the read model."""
    while True:
        await asyncio.sleep(STORE_SECONDS)
        _forget(projector)


def _forget(projector: Projector) -> None:
    changes = projector.take_changes()
    if changes is not None:
        projector.forget_closed(changes)


def _commands(recording: Path, *names: str) -> Iterator[Command]:
    for name in names:
        for record in read_records(recording / name):
            yield _command_of(record)


def _named(command: Command, number: int) -> Command:
    return replace(command, client_order_id=f"bench-{number:012d}") if isinstance(command, PlaceOrder) else command


def _command_of(record: bytes) -> Command:
    """Return the command of a workload's record; the inverse of `encode_command` for the kinds that it uses."""
    decoded = decode_command(record)
    words = decoded.words
    match decoded.kind:
        case codes.PLACE_ORDER:
            return PlaceOrder(
                account=words[2],
                market=words[3],
                terms=words[4],
                quantity_units=words[5],
                notional_micros=words[6],
                price_cents=words[7],
                expires_at_ns=words[8],
            )
        case codes.CANCEL_ORDER:
            return CancelOrder(account=words[2], order_id=words[3])
        case codes.OPEN_ACCOUNT:
            return OpenAccount()
        case codes.DEPOSIT_CASH:
            return DepositCash(account=words[2], amount_micros=words[3], reference="")
        case codes.GRANT_SHARES:
            return GrantShares(account=words[2], market=words[3], quantity_units=words[4])
        case codes.LIST_MARKET:
            return ListMarket(supply_units=words[3], reference_price_cents=words[4], facts=decoded.tail)
        case codes.CONFIGURE_EXCHANGE:
            names = [field.name for field in fields(ExchangeParameters)]
            return ConfigureExchange(parameters=ExchangeParameters(**dict(zip(names, words[3:], strict=True))))
    raise ValueError(f"the workload has a command of kind {decoded.kind}")


if __name__ == "__main__":
    main()
