"""Errors of the alerting side; see crawler/errors.py for the tree they belong to."""

from __future__ import annotations

from crawler.errors import CeasewireError


class DeliveryError(CeasewireError):
    """A route did not take a delivery. `permanent`: trying the same bytes again cannot help."""

    def __init__(self, target: str, reason: str, *, permanent: bool) -> None:
        self.target = target
        self.reason = reason
        self.permanent = permanent
        super().__init__(f"{target}: {reason}")


class LockHeld(CeasewireError):  # noqa: N818 - a state of affairs, not a fault; most callers leave silently
    """Another run holds the lock of this database."""

    def __init__(self, holder: str) -> None:
        self.holder = holder
        super().__init__(f"another run holds the lock: {holder}")


class LockLost(CeasewireError):  # noqa: N818 - as above; what is unfinished is found by the next run
    """This run's lock was taken from it while it ran: it must stop, for another run may have begun."""
