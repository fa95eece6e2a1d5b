"""Work for processes, in a module of its own: whatever it imports, each of them would import."""

from __future__ import annotations

import os
import signal
import time


def square_slowly(number: int) -> tuple[int, int]:
    """Early questions take longer than late ones."""
    time.sleep(0.02 if number % 5 == 0 else 0)
    return number * number, os.getpid()


def die_at_seven(number: int) -> int:
    if number == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return number
