"""The stories as people read and correct them: list, show, why, merge, split, undo."""

from alerts.storybook.correcting import merge, split, undo
from alerts.storybook.errors import StoryError
from alerts.storybook.reading import list_stories, show_story, why_together

__all__ = ["StoryError", "list_stories", "merge", "show_story", "split", "undo", "why_together"]
