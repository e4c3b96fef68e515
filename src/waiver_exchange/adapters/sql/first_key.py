"""Find a time in a table whose keys grow with time: the rows' own order is the index."""

from typing import Any

from sqlalchemy import Column, Connection, Select, bindparam, case, func, literal, select, true

_KEY = "key"


def first_key_at(connection: Connection, *, key: Column[int], time: Column[int], at_ns: int) -> int:
    """Return the lowest number that no row of an earlier time has as its key, in about 60 steps at most."""
    if connection.dialect.name == "postgresql":
        return int(connection.execute(_search(key, time, at_ns)).scalar_one())
    return _search_step_by_step(connection, key, time, at_ns)


def _search_step_by_step(connection: Connection, key: Column[int], time: Column[int], at_ns: int) -> int:
    """For a database in the own process, where a statement costs microseconds."""
    step = select(key, time).where(key >= bindparam(_KEY)).order_by(key)
    text = str(step.compile(dialect=connection.dialect))
    newest = connection.execute(select(key).order_by(key.desc()).limit(1)).scalar()
    low, high = 0, 0 if newest is None else newest + 1
    while low < high:
        middle = (low + high) // 2
        # The first row only: SQLite makes each when it is fetched.
        found = connection.exec_driver_sql(text, (middle,)).first()
        if found is None or found[1] >= at_ns:
            high = middle
        else:
            low = found[0] + 1
    return low


def _search(key: Column[int], time: Column[int], at_ns: int) -> Select[Any]:
    """The same steps as one statement, because each statement is a journey to another process."""
    newest = select(key).order_by(key.desc()).limit(1).scalar_subquery()
    start = select(literal(0, key.type).label("low"), func.coalesce(newest + 1, 0).label("high"))
    steps = start.cte("steps", recursive=True)
    middle = steps.c.low + (steps.c.high - steps.c.low) // 2
    row = select(key.label("key"), time.label("time")).where(key >= middle).order_by(key).limit(1).lateral("found")
    is_late = func.coalesce(row.c.time >= at_ns, true())
    step = select(case((is_late, steps.c.low), else_=row.c.key + 1), case((is_late, middle), else_=steps.c.high))
    steps = steps.union_all(step.select_from(steps.outerjoin(row, true())).where(steps.c.low < steps.c.high))
    return select(steps.c.low).where(steps.c.low >= steps.c.high)
