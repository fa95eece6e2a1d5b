"""Revisions: what a desk knows of a story, what is news to it, and what becomes of that when stories merge or split."""
