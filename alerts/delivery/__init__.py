"""Routes out: final bytes into the outbox, and from there to mail servers and folders, once each."""

from alerts.delivery.enqueue import enqueue
from alerts.delivery.outbox import DeliveryReport, deliver

__all__ = ["DeliveryReport", "deliver", "enqueue"]
