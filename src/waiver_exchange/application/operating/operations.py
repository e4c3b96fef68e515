"""What a running exchange knows of its operators' actions beside the journal."""

import asyncio
from dataclasses import dataclass, field


@dataclass(slots=True)
class Operations:
    """The names of the actions that need a second operator, and what is under way in this process, by action id."""

    four_eyes: frozenset[str] = frozenset()
    under_way: dict[str, asyncio.Future[None]] = field(default_factory=dict)
