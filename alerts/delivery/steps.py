"""Named crash points between the steps of a delivery, so that tests can kill the process between any two.

`CEASEWIRE_KILL_AT="name"` (or ``name:3``) makes the process kill itself with SIGKILL when it passes that step for the
first (or third) time. Without the variable a step does nothing.
"""

from __future__ import annotations

import os
import signal
from collections import Counter

VARIABLE = "CEASEWIRE_KILL_AT"

ENQUEUE_STEPS = (
    "enqueue.start",  # nothing is composed
    "enqueue.composed",  # bytes exist in memory only
    "enqueue.inserted",  # a delivery is inserted, its transaction open
    "enqueue.done",  # all is inserted and committed
)
DELIVER_STEPS = (
    "deliver.settled",  # rows that a killed sender left were settled
    "deliver.claimed",  # the row is `sending`, committed
    "deliver.recorded",  # the outcome is committed
    "deliver.done",
)
MAIL_STEPS = (
    "mail.connected",  # greeted, encrypted, logged in; nothing is claimed
    "mail.sender",  # MAIL was accepted
    "mail.recipient",  # RCPT was accepted
    "mail.data",  # DATA was accepted
    "mail.half",  # half of the bytes were sent
    "mail.body",  # all bytes were sent but the final dot
    "mail.doubt",  # the row is `doubt`, committed; the dot was not sent
    "mail.dot",  # the dot was sent, its reply not read
    "mail.reply",  # the reply was read, not committed
)
FOLDER_STEPS = (
    "folder.temporary",  # a file's bytes stand under a temporary name
    "folder.renamed",  # a file stands under its name
    "folder.written",  # all files stand, the row is still `sending`
)
SITE_STEPS = ("site.page", "site.indexed")  # an edition's pages stand; the indexes name it
WEBHOOK_STEPS = ("webhook.answered",)  # the receiver has answered, nothing is committed
CHAT_STEPS = ("chat.doubt", "chat.answered")  # the row is `doubt`, committed; the service has answered
STEPS = ENQUEUE_STEPS + DELIVER_STEPS + MAIL_STEPS + FOLDER_STEPS + SITE_STEPS + WEBHOOK_STEPS + CHAT_STEPS

_passed: Counter[str] = Counter()


def step(name: str) -> None:
    """Pass the crash point `name`, one of `STEPS`."""
    wanted = os.environ.get(VARIABLE)
    if wanted is None:
        return
    assert name in STEPS, name
    place, _, times = wanted.partition(":")
    if place != name:
        return
    _passed[name] += 1
    if _passed[name] == int(times or "1"):
        os.kill(os.getpid(), signal.SIGKILL)
