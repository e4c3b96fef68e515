"""The bounds of WebSocket connections."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketLimits:
    """What one connection may cost, and how many there may be; 0 lifts a bound on connections.

    With more than `backlog_bytes_high` unsent a client is congested: it is not read from, and what can be conflated
    waits. It is dropped when that lasts `congested_seconds_max`, or with more than `backlog_bytes_max` unsent. A
    client that was silent for `ping_seconds` is pinged, and dropped when it stays so for `pong_seconds`. One that uses
    its connection for nothing is dropped after `unused_seconds_max`. Of what it sent `frames_per_turn_max` are taken
    before others have their turn. With more than `unsent_bytes_max` for all connections together those with most are
    cut off.
    """

    message_bytes_max: int = 65_536
    backlog_bytes_high: int = 262_144
    backlog_bytes_max: int = 4_194_304
    unsent_bytes_max: int = 268_435_456
    frames_per_turn_max: int = 128
    congested_seconds_max: float = 10.0
    ping_seconds: float = 20.0
    pong_seconds: float = 20.0
    unused_seconds_max: float = 120.0
    closing_seconds_max: float = 5.0
    connections_max: int = 10_000
    connections_per_address_max: int = 5_000
