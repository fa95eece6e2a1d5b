"""The index of articles that were placed, held in memory: of a whole file, or of what one batch needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from alerts.stories.placing import STORIES_PER_TERM, TERMS_KEPT, Place, Placement, key_terms
from alerts.stories.related import Core, Rarity, found_core, grow_core, merge_cores
from alerts.stories.sketch import DULL
from alerts.stories.words import Subject, Text


class MemoryIndex:
    """What `placing.Index` asks for, and `add` and `unite` to make it grow.

    Args:
        read: gives the text of an article by its id; called again for each comparison, so let it remember some.
    """

    def __init__(self, read: Callable[[int], Text]) -> None:
        self._read = read
        self._runs: dict[int, list[int]] = {}
        self._terms: dict[str, list[int]] = {}
        self._places: dict[int, Place] = {}
        self._cores: dict[int, Core] = {}
        self._went: dict[int, int] = {}
        self._counts: Counter[str] = Counter()
        self._articles = 0

    def texts_with(self, wanted: Collection[int]) -> Mapping[int, Sequence[int]]:
        """Run -> articles that have it."""
        return {run: self._runs[run] for run in wanted if run in self._runs}

    def stories_with(self, terms: Sequence[str]) -> Mapping[str, Sequence[int]]:
        """Term -> the latest stories that have it."""
        known = {term: self._terms[term][-STORIES_PER_TERM:] for term in terms if term in self._terms}
        return {term: list(dict.fromkeys(map(self.story, stories))) for term, stories in known.items()}

    def text(self, article: int) -> Text:
        """What an earlier article says."""
        return self._read(article)

    def where(self, article: int) -> Place | None:
        """Where an earlier article is."""
        place = self._places.get(article)
        return None if place is None else replace(place, story=self.story(place.story))

    def core(self, story: int) -> Core | None:
        """The core of an earlier story."""
        return self._cores.get(self.story(story))

    def rarity(self) -> Rarity:
        """How rare terms are."""
        return Rarity(self._articles, self._counts)

    def story(self, story: int) -> int:
        """The story that an earlier one has become part of, maybe itself."""
        while story in self._went:
            story = self._went[story]
        return story

    def add(self, subject: Subject, text: Text, placement: Placement, story: int) -> None:
        """Note where an article went.

        Args:
            subject: the article.
            text: what it says.
            placement: as `placing.place` decided.
            story: the story; a new one when `placement.story` is None.
        """
        self._places[subject.id] = Place(story, placement.copies, subject.source, subject.when)
        for run in placement.runs:
            self._note_run(run, subject.id)
        if placement.relation == "copy":
            return
        # Copies are not counted: they would make the words of a story that is often reprinted look common.
        self._articles += 1
        self._counts.update(text.terms.keys())
        if story not in self._cores:
            self._cores[story] = found_core(subject.id, text, subject.when)
        elif not grow_core(self._cores[story], subject.id, text, subject.when):
            return
        for term in key_terms(text, self.rarity(), TERMS_KEPT):
            self._note_term(term, story)

    def unite(self, keep: int, leave: int) -> None:
        """Let one story take in another."""
        other = self._cores.pop(leave)
        merge_cores(self._cores[keep], other)
        self._went[leave] = keep

    def _note_run(self, run: int, article: int) -> bool:
        known = self._runs.setdefault(run, [])
        if len(known) >= DULL or article in known:
            return False
        known.append(article)
        return True

    def _note_term(self, term: str, story: int) -> bool:
        known = self._terms.setdefault(term, [])
        if story in known[-STORIES_PER_TERM:]:
            return False
        known.append(story)
        return True
