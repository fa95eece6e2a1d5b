"""Grouping: articles without a story -> stories of copies and related articles."""

from alerts.stories.explaining import Explanation, explain
from alerts.stories.job import group_articles, join_stories, place_again, recore
from alerts.stories.tidying import tidy_index

__all__ = ["Explanation", "explain", "group_articles", "join_stories", "place_again", "recore", "tidy_index"]
