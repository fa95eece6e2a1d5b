"""Whose turn it is: one request at a time for each host and port, a pause between two, the longest waiting first.

Pure: the clock is passed in, as seconds that only grow.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

J = TypeVar("J")


@dataclass(slots=True)
class Host(Generic[J]):
    """One host and port that waits for its turn, rests, or has its turn.

    Attributes:
        key: its name, ``host:port``.
        kept: its connection is kept, because it was to be asked more than once.
        last: jobs that came last, in their order.
        following: jobs that come before those, the next one at the end. (Two lists cost a tenth of a deque.)
    """

    key: str
    kept: bool = False
    last: list[J] = field(default_factory=list)
    following: list[J] = field(default_factory=list)

    @property
    def waits(self) -> bool:
        """Whether more is to be asked of it."""
        return bool(self.following or self.last)

    def pop(self) -> J:
        """Its next job."""
        if not self.following:
            self.following, self.last = self.last[::-1], []
        return self.following.pop()


class Turns(Generic[J]):
    """The jobs of all hosts, and which may be done now."""

    def __init__(self) -> None:
        self._hosts: dict[str, Host[J]] = {}
        self._ready: deque[Host[J]] = deque()
        self._resting: list[tuple[float, int, Host[J]]] = []
        self._count = 0

    def __len__(self) -> int:
        """Hosts that wait, rest or have their turn."""
        return len(self._hosts)

    def add(self, key: str, job: J, *, at: float = 0.0, first: bool = False) -> None:
        """Let a job wait for its host.

        Args:
            key: the host and port.
            job: what is to be done.
            at: not before, if the host has nothing else to do; 0 = now.
            first: before the others of this host.
        """
        host = self._hosts.get(key)
        new = host is None
        if host is None:
            host = self._hosts[key] = Host(key)
        (host.following if first else host.last).append(job)
        if new:
            self._rest(host, at)

    def take(self, now: float) -> tuple[Host[J], J] | None:
        """The next job and its host, whose turn lasts until `done`; None when none may be done now."""
        while self._resting and self._resting[0][0] <= now:
            self._ready.append(heapq.heappop(self._resting)[2])
        if not self._ready:
            return None
        host = self._ready.popleft()
        return host, host.pop()

    def done(self, host: Host[J], at: float) -> None:
        """A host's turn is over; its next one comes not before `at`, 0 = now."""
        if host.waits:
            self._rest(host, at)
        else:
            del self._hosts[host.key]

    def next_at(self) -> float | None:
        """When the next host has rested; None when none rests."""
        return self._resting[0][0] if self._resting else None

    def _rest(self, host: Host[J], at: float) -> None:
        if at <= 0:
            self._ready.append(host)
            return
        self._count += 1
        heapq.heappush(self._resting, (at, self._count, host))
