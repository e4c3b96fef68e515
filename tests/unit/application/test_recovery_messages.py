"""Who has to mend a journal that was put back is told what to empty, on files and in PostgreSQL."""

from waiver_exchange.application.recovery import ReadModelAheadError, SnapshotDisagreesError


def test_the_tables_of_postgresql_are_named_beside_the_files() -> None:
    snapshot = str(SnapshotDisagreesError(7))
    assert all(place in snapshot for place in ("read_model.db", "exchange.snapshots", "read_model.content"))
    ahead = str(ReadModelAheadError(seen=2, held=1))
    assert all(place in ahead for place in ("read_model.db", "read_model.content"))
