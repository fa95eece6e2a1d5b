"""What a person may decide about a delivery: try it again, give it up, settle a doubt."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from alerts.delivery import states
from alerts.ledger import deliveries
from alerts.ledger.deliveries import Delivery

if TYPE_CHECKING:
    import sqlalchemy as sa


def retry(connection: sa.Connection, delivery_id: int, now: datetime) -> bool:
    """Make a delivery ready at once, with the same bytes; its address and the mail server are tried again, too.

    Returns:
        False when there is no such delivery, its bytes are gone, or its state does not allow it.
    """
    delivery = deliveries.get_delivery(connection, delivery_id)
    if delivery is None or not _change(connection, delivery, states.Retry(), now):
        return False
    if delivery.route == "mail":
        deliveries.clear_relay_holds(connection)
        if deliveries.refusals_of(connection, delivery.target):
            deliveries.store_recipient(connection, delivery.target, refusals=0, suspended=False)
    return True


def cancel(connection: sa.Connection, delivery_id: int, now: datetime) -> bool:
    """Give a delivery up that was not accepted yet.

    Returns:
        False when there is no such delivery, or its state does not allow it.
    """
    delivery = deliveries.get_delivery(connection, delivery_id)
    return delivery is not None and _change(connection, delivery, states.Cancel(), now)


def resolve(connection: sa.Connection, delivery_id: int, now: datetime, *, sent: bool) -> bool:
    """Settle a delivery in doubt, or held because of a doubt.

    Args:
        connection: with a transaction that may write.
        delivery_id: which.
        now: aware UTC.
        sent: true, it did arrive; false, send the same bytes again.

    Returns:
        False when there is no such delivery, or its state does not allow it.
    """
    delivery = deliveries.get_delivery(connection, delivery_id)
    return delivery is not None and _change(connection, delivery, states.Resolve(sent), now)


def _change(connection: sa.Connection, before: Delivery, event: states.Event, now: datetime) -> bool:
    try:
        after = states.decide(before, event, now)
    except states.WrongStateError:
        return False
    if after.state is deliveries.State.READY and not deliveries.has_bytes(connection, before.id):
        return False
    return deliveries.move_delivery(connection, before, after)
