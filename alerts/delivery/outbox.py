"""The outbox: settle what a killed sender left, then claim, attempt and record each delivery that is due.

Every change is committed before the next thing is said to anybody, above all `doubt` before the final dot. The caller
holds the run lock (alerts/ledger/lock.py), which is why rows found in the middle of being sent have no sender.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from alerts.delivery import states
from alerts.delivery.handing import UNREPEATABLE, hand_over, prepare
from alerts.delivery.mail import wire_address
from alerts.delivery.mailbox import arrived
from alerts.delivery.relay import Relay, RelayError, relay_of
from alerts.delivery.smtp import ConnectionLostError, Reply, Session
from alerts.delivery.steps import step
from alerts.errors import DeliveryError
from alerts.ledger import deliveries
from alerts.ledger.deliveries import Delivery, State
from crawler.errors import ArchiveError, ConfigError

if TYPE_CHECKING:
    import sqlalchemy as sa

    from alerts.configuration import Configuration
    from crawler.archive import Archive

log = logging.getLogger(__name__)

Verify = Callable[["sa.Connection"], None]


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What one call did, and what is left.

    Attributes:
        sent, failed, held: deliveries that came to this state in this call.
        doubt, waiting: deliveries that are in doubt or ready now.
        relay_down: 1 when mails wait because the mail server cannot be used, else 0.
        frozen: digests that could not be composed.
        troubles: what a person should know, one sentence each.
    """

    sent: int = 0
    failed: int = 0
    held: int = 0
    doubt: int = 0
    waiting: int = 0
    relay_down: int = 0
    frozen: int = 0
    troubles: tuple[str, ...] = ()


def deliver(
    archive: Archive,
    configuration: Configuration,
    now: Callable[[], datetime],
    *,
    stopping: Callable[[], bool] = lambda: False,
    verify: Verify = lambda _: None,
) -> DeliveryReport:
    """Attempt every delivery that is due. Repeated and interrupted calls send nothing twice but what was in doubt.

    Args:
        archive: the open database; the caller holds its run lock.
        configuration: mail server, sender, policy.
        now: gives the current instant, aware UTC.
        stopping: asked between deliveries; true ends the call early, which loses nothing.
        verify: called in each transaction after which something is said to somebody; raises if that must not be.

    Raises:
        LockLost: from `verify`. Nothing was said after it.
        ArchiveError: the database cannot be used; what was not recorded is settled by the next call.
    """
    return _Sender(archive, configuration, now, stopping, verify).run()


class _Sender:
    def __init__(
        self,
        archive: Archive,
        configuration: Configuration,
        now: Callable[[], datetime],
        stopping: Callable[[], bool],
        verify: Verify,
    ) -> None:
        self._verify = verify
        self._archive = archive
        self._configuration = configuration
        self._options = configuration.settings.alerts
        self._now = now
        self._stopping = stopping
        self._reached: Counter[State] = Counter()
        self._troubles: list[str] = []
        self._relay_down = False
        self._relay_worked = False

    def run(self) -> DeliveryReport:
        self._settle()
        self._hold_suspended()
        step("deliver.settled")
        with self._archive.read() as connection:
            due = deliveries.due_deliveries(connection, self._now())
        for delivery_id, route in due:
            if route != "mail" and not self._stopping():
                self._hand_over(delivery_id)
        mails = [delivery_id for delivery_id, route in due if route == "mail"]
        if mails and not self._stopping():
            self._send_all(mails)
        with self._archive.read() as connection:
            counts = deliveries.count_by_state(connection)
            frozen = deliveries.count_frozen(connection)
        step("deliver.done")
        return DeliveryReport(
            sent=self._reached[State.SENT],
            failed=self._reached[State.FAILED],
            held=self._reached[State.HELD],
            doubt=counts.get(State.DOUBT, 0),
            waiting=counts.get(State.READY, 0),
            relay_down=int(self._relay_down),
            frozen=frozen,
            troubles=tuple(self._troubles),
        )

    def _settle(self) -> None:
        policy = states.DoubtPolicy(self._options.resend)
        with self._archive.read() as connection:
            unsettled = deliveries.unsettled_deliveries(connection)
        found, asked = self._look_into_mailbox(unsettled)
        for delivery in unsettled:
            if delivery.message_id in found:
                self._move(delivery, states.Found())
            elif asked or delivery.state is not State.DOUBT or delivery.route != "mail":
                self._move(delivery, states.Orphaned(policy))

    def _look_into_mailbox(self, unsettled: Iterable[Delivery]) -> tuple[frozenset[str], bool]:
        """Which mails in doubt have arrived, and whether that could be found out.

        Without an answer they stay in doubt: sending again what may have arrived is what the mailbox is there against.
        """
        mailbox = self._options.archive_mailbox
        now = self._now()
        doubtful = [
            one.message_id
            for one in unsettled
            if one.state is State.DOUBT and one.route == "mail" and not states.is_settling(one, now)
        ]
        if mailbox is None or not doubtful:
            return frozenset(), True
        try:
            return arrived(mailbox, doubtful), True
        except (DeliveryError, ConfigError) as error:
            self._trouble(f"{len(doubtful)} mails stay in doubt: {error}")
            return frozenset(), False

    def _hold_suspended(self) -> None:
        with self._archive.read() as connection:
            suspended = deliveries.suspended_deliveries(connection)
        for delivery, refusal in suspended:
            self._move(delivery, states.Hold(f"the address is suspended: {refusal}"))

    def _hand_over(self, delivery_id: int) -> None:
        claimed = self._claim(delivery_id)
        if claimed is None:
            return
        delivery, data = claimed
        with self._archive.read() as connection:
            edition = deliveries.edition_of(connection, delivery)
        event: states.Event
        try:
            if delivery.route in UNREPEATABLE:
                prepare(delivery, self._configuration)
                doubtful = self._move(delivery, states.DotNext())
                if doubtful is None:
                    return
                delivery = doubtful
                step("chat.doubt")
            event = hand_over(delivery, data, edition, self._configuration, self._now())
        except DeliveryError as error:
            self._trouble(str(error))
            event = _not_handed_over(delivery, error.reason)
        except ConfigError as error:
            self._trouble(f"{delivery.target}: {error}")
            event = _not_handed_over(delivery, str(error))
        self._move(delivery, event)
        step("deliver.recorded")

    def _send_all(self, mails: list[int]) -> None:
        """Send mails over one connection for as long as the mail server can be used."""
        try:
            relay = relay_of(self._options)
            wire_address(self._options.sender.address)
        except DeliveryError as error:
            self._relay_down = True
            self._trouble(f"{len(mails)} mails wait: {error}")
            return
        if self._is_held(relay):
            return
        session = Session(relay)
        try:
            session.connect()
            for delivery_id in mails:
                if self._stopping():
                    break
                session.connect()
                self._send(session, delivery_id)
            session.quit()
        except (RelayError, ConnectionLostError) as error:
            self._hold_relay(relay, error)
        finally:
            # Whatever happened: a connection that is closed before the dot has handed over nothing.
            session.close()

    def _send(self, session: Session, delivery_id: int) -> None:
        claimed = self._claim(delivery_id)
        if claimed is None:
            return
        delivery, data = claimed
        try:
            refusal = session.offer(
                self._options.sender.address, delivery.target, data, copy_to=self._options.archive_address
            )
        except RelayError as error:
            self._move(delivery, states.RelayTrouble(str(error)))
            raise
        except ConnectionLostError as error:
            self._move(delivery, states.Lost(error.reason))
            raise
        except DeliveryError as error:  # the address cannot be said in SMTP
            self._move(delivery, states.Lost(error.reason))
            session.close()
            return
        if refusal is not None:
            self._record(session, delivery, refusal)
            return
        doubtful = self._move(delivery, states.DotNext())
        if doubtful is None:
            session.close()
            return
        step("mail.doubt")
        try:
            reply = session.finish()
        except ConnectionLostError as error:
            self._move(doubtful, states.Lost(error.reason))
            raise
        self._record(session, doubtful, reply)

    def _record(self, session: Session, delivery: Delivery, reply: Reply) -> None:
        self._move(delivery, states.Replied(reply.code, reply.text), of_recipient=reply.of_recipient)
        step("deliver.recorded")
        if not self._relay_worked:
            self._relay_worked = True
            with self._archive.write() as connection:
                deliveries.clear_relay_holds(connection, session.relay.name)

    def _claim(self, delivery_id: int) -> tuple[Delivery, bytes] | None:
        """Take a ready delivery; None when it is ready no longer or its bytes cannot be read."""
        with self._archive.read() as connection:
            delivery = deliveries.get_delivery(connection, delivery_id)
            if delivery is None or delivery.state is not State.READY:
                return None
            damage = "its bytes are gone"
            try:
                data = deliveries.delivery_bytes(connection, delivery_id)
            except ArchiveError as error:
                damage, data = str(error), None
        if data is None:
            self._move(delivery, states.Hold(damage))
            return None
        claimed = self._move(delivery, states.Claimed())
        if claimed is None:
            return None
        step("deliver.claimed")
        return claimed, data

    def _move(self, before: Delivery, event: states.Event, *, of_recipient: bool = False) -> Delivery | None:
        """Decide and commit; None when somebody else has changed the row meanwhile."""
        after = states.decide(before, event, self._now())
        if after == before:
            return before
        with self._archive.write() as connection:
            moved = deliveries.move_delivery(connection, before, after)
            if isinstance(event, states.Claimed | states.DotNext):
                self._verify(connection)
            if moved and before.route == "mail":
                _note_recipient(connection, after, refused=of_recipient)
        if not moved:
            log.warning("delivery %d was changed by somebody else while it was %s", before.id, before.state.value)
            return None
        self._tell(before, after)
        return after

    def _tell(self, before: Delivery, after: Delivery) -> None:
        """Count and log a change; the log is the operator's, so it is loud only where a person may have to act."""
        who = f"delivery {after.id} to {after.target}"
        match after.state:
            case State.SENT:
                self._reached[State.SENT] += 1
                log.info("%s: %s", who, after.reply)
                if after.doubts:
                    log.warning("%s was in doubt %d times before: there may be copies", who, after.doubts)
            case State.FAILED | State.HELD:
                self._reached[after.state] += 1
                self._trouble(f"{who} {after.state.value}: {after.reply}")
            case State.DOUBT if before.state is State.DOUBT:
                log.warning("%s is in doubt: %s", who, after.reply)
            case State.READY:
                level = logging.WARNING if before.state is State.DOUBT else logging.INFO
                log.log(level, "%s waits: %s", who, after.reply)
            case _:
                log.debug("%s is %s", who, after.state.value)

    def _trouble(self, sentence: str) -> None:
        self._troubles.append(sentence)
        log.error("%s", sentence)

    def _is_held(self, relay: Relay) -> bool:
        now = self._now()
        with self._archive.read() as connection:
            hold = deliveries.get_relay_hold(connection, relay.name)
        if hold is None or not now < hold.next_try <= now + deliveries.LONGEST_WAIT:
            return False
        self._relay_down = True
        log.info("%s is asked again at %s: %s", relay.name, hold.next_try.isoformat(timespec="seconds"), hold.reply)
        return True

    def _hold_relay(self, relay: Relay, error: RelayError | ConnectionLostError) -> None:
        """Keep away from a mail server that cannot be used: once for all mails that wait."""
        self._relay_down = True
        with self._archive.write() as connection:
            before = deliveries.get_relay_hold(connection, relay.name)
            hold = states.hold_relay(before, relay.name, error.reason, self._now())
            deliveries.store_relay_hold(connection, hold)
        if isinstance(error, RelayError) and error.configuration:
            self._trouble(f"mails wait until this is put right: {error}")
        else:
            sentence = f"mail server {error}; tried again at {hold.next_try.isoformat(timespec='seconds')}"
            self._troubles.append(sentence)
            log.warning("%s", sentence)


def _not_handed_over(delivery: Delivery, reason: str) -> states.Event:
    """Nothing was said to anybody, though a row that cannot be repeated is in doubt already."""
    return states.Postponed(reason) if delivery.state is State.DOUBT else states.Unwritable(reason)


def _note_recipient(connection: sa.Connection, after: Delivery, *, refused: bool) -> None:
    """Count refusals of an address in a row. A refused mail (552 at the dot) says nothing about its address."""
    if after.state is State.SENT:
        if deliveries.refusals_of(connection, after.target):
            deliveries.store_recipient(connection, after.target, refusals=0, suspended=False)
    elif after.state is State.FAILED and refused:
        refusals = deliveries.refusals_of(connection, after.target) + 1
        deliveries.store_recipient(
            connection,
            after.target,
            refusals=refusals,
            suspended=refusals >= states.SUSPEND_AFTER,
            reply=after.reply,
        )
