"""Digests: which slots are due, what they hold, how they look."""

from alerts.digests.freeze import make_digests, preview

__all__ = ["make_digests", "preview"]
