"""Who follows which channel of a stream."""

from waiver_exchange.client.streaming.follower import Follower


class Channels:
    """The followers of one stream; a channel has as many as want it."""

    def __init__(self) -> None:
        """Begin without any."""
        self._followers: dict[str, list[Follower]] = {}

    @property
    def names(self) -> list[str]:
        """The channels that somebody reads."""
        return list(self._followers)

    @property
    def followers(self) -> list[Follower]:
        """All followers."""
        return [follower for followers in self._followers.values() for follower in followers]

    def of(self, channel: str) -> list[Follower]:
        """Return the followers of a channel; a list of its own, since one may leave while it is gone through."""
        return list(self._followers.get(channel, ()))

    def add(self, channel: str, follower: Follower) -> None:
        """Add a follower of a channel."""
        self._followers.setdefault(channel, []).append(follower)

    def remove(self, follower: Follower) -> str | None:
        """Remove a follower; return the channel when nobody reads it now."""
        for channel, followers in self._followers.items():
            if follower in followers:
                followers.remove(follower)
                if followers:
                    return None
                del self._followers[channel]
                return channel
        return None
