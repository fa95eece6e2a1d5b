"""What goes wrong when somebody asks for stories."""

from __future__ import annotations

from crawler.errors import CeasewireError


class StoryError(CeasewireError):
    """A story, an article or a decision that is not there, or that does not allow what was asked."""
