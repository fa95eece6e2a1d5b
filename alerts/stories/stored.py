"""The index of grouping in the database: what one batch of articles needs of it is loaded, what it adds is written.

Everything that is asked for is bounded: a run has at most `DULL` texts, a term is asked for at most `STORIES_PER_TERM`
stories, and of what they find only the best are read.
"""

from __future__ import annotations

import json
from collections import Counter, OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa

from alerts.ledger import grouping as queries
from alerts.ledger import grouping_index
from alerts.ledger.grouping import Member, ToGroup
from alerts.ledger.grouping_index import ALL, StoredCore
from alerts.stories.memory import MemoryIndex
from alerts.stories.placing import (
    STORIES_PER_TERM,
    TERMS_ASKED,
    TEXTS_READ,
    Place,
    Placement,
    key_terms,
    likely,
)
from alerts.stories.related import MEMBERS, Core, found_core, from_json, grow_core, to_json
from alerts.stories.sketch import DULL, runs
from alerts.stories.words import Subject, Text, number_of, read
from crawler.archive.texts import pack_bytes, unpack_bytes

COMMON = 300
"""A term that more articles had than this is asked for only if an article has none rarer, and then not for all."""
RARE_WANTED = 3
REMEMBERED = 100
"""So many texts of earlier articles are kept read."""


def subject_of(article: ToGroup) -> Subject:
    """An article of the archive, as grouping sees it."""
    when = believed(article.published, article.seen_at)
    return Subject(article.id, article.source, article.title, article.body, article.language, when)


def believed(published: datetime | None, seen_at: datetime) -> datetime:
    """When an article came out, as far as it can be believed: never later than it was seen."""
    return min(published or seen_at, seen_at)


class StoredIndex(MemoryIndex):
    """A `MemoryIndex` over the part of the database that some articles touch. Use it for one batch and drop it.

    Args:
        connection: a writing one; everything is written by `flush`.
        now: aware UTC.
    """

    def __init__(self, connection: sa.Connection, now: datetime) -> None:
        super().__init__(self._text)
        self._connection = connection
        self._now = now
        self._read_texts: OrderedDict[int, Text] = OrderedDict()
        self._batch: dict[int, Text] = {}
        self.sketches: dict[int, frozenset[int]] = {}
        self._new_runs: list[tuple[int, int]] = []
        self._new_terms: list[tuple[str, int]] = []
        self._new_words: Counter[str] = Counter()
        self._changed: set[int] = set()
        self._hidden: set[int] = set()

    def load(self, batch: Sequence[tuple[Subject, Text]]) -> None:
        """Fetch what placing these articles asks for, in a few queries."""
        self._batch = {subject.id: text for subject, text in batch}
        self._load_counts(text for _, text in batch)
        self.sketches = {subject.id: runs(text.words) for subject, text in batch}
        self._runs = grouping_index.texts_with(self._connection, frozenset().union(*self.sketches.values()))
        asked = {subject.id: key_terms(text, self.rarity(), TERMS_ASKED) for subject, text in batch}
        self._load_terms(asked.values())
        found: set[int] = set()
        for sketch in self.sketches.values():
            hits = Counter(key for run in sketch for key in self._runs.get(run, ()) if len(self._runs[run]) < DULL)
            found.update(key for key, _ in hits.most_common(TEXTS_READ))
        self._load_members(found - self._batch.keys())
        stories = {self._places[key].story for key in found if key in self._places}
        for subject, text in batch:
            stories.update(likely(text, self.rarity(), self.stories_with(asked[subject.id])))
        self._load_cores(stories)

    def where(self, article: int) -> Place | None:
        """Where an earlier article is."""
        if article not in self._places:
            self._load_members([article])
        return super().where(article)

    def core(self, story: int) -> Core | None:
        """The core of an earlier story; made anew when there is none yet."""
        story = self.story(story)
        if story not in self._cores:
            self._load_cores([story])
        if story not in self._cores and story > 0:
            self.rebuild(story)
        return super().core(story)

    def add(self, subject: Subject, text: Text, placement: Placement, story: int) -> None:
        """Note where an article went; its runs, terms and words are written by `flush`."""
        if placement.relation != "copy":
            if placement.story is not None:
                self.core(story)
            self._new_words.update(text.terms.keys())
            self._changed.add(story)
        super().add(subject, text, placement, story)

    def hide(self, story: int) -> None:
        """Leave a story out of what articles are compared with."""
        self._hidden.add(story)

    def texts_with(self, wanted: Collection[int]) -> Mapping[int, Sequence[int]]:
        """Run -> articles that have it, but for those of hidden stories."""
        found = super().texts_with(wanted)
        if not self._hidden:
            return found
        return {run: [key for key in keys if not self._is_hidden(key)] for run, keys in found.items()}

    def stories_with(self, terms: Sequence[str]) -> Mapping[str, Sequence[int]]:
        """Term -> the latest stories that have it, but for hidden ones."""
        found = super().stories_with(terms)
        return {term: [key for key in stories if key not in self._hidden] for term, stories in found.items()}

    def _is_hidden(self, article: int) -> bool:
        there = self.where(article)
        return there is not None and there.story in self._hidden

    def note_runs(self, article: int, found: Iterable[int]) -> None:
        """Index the text of an article that is in a story already."""
        for run in found:
            self._note_run(run, article)

    def unite(self, keep: int, leave: int) -> None:
        """Let one story take in another."""
        self.core(keep)
        self.core(leave)
        super().unite(keep, leave)
        self._changed.discard(leave)
        self._changed.add(keep)

    def rebuild(self, story: int) -> None:
        """Make the core of a story anew from its first articles with texts of their own."""
        own = [member for member in queries.members_of(self._connection, story) if member.relation != "copy"]
        own = own or queries.members_of(self._connection, story)[:1]
        self._cores.pop(story, None)
        core: Core | None = None
        for member in own[:MEMBERS]:
            when = believed(member.published, member.seen_at)
            if core is None:
                core = found_core(member.article, self.text(member.article), when)
            else:
                grow_core(core, member.article, self.text(member.article), when)
            for term in key_terms(self.text(member.article), self.rarity(), TERMS_ASKED):
                self._note_term(term, story)
        if core is not None:
            self._cores[story] = core
            self._changed.add(story)

    def flush(self, founded: dict[int, int]) -> None:
        """Write what was added.

        Args:
            founded: stand-in -> the story that was made for it.
        """

        def real(story: int) -> int:
            return founded.get(self.story(story), self.story(story))

        grouping_index.add_runs(self._connection, self._new_runs)
        grouping_index.add_terms(self._connection, {(number_of(term), real(story)) for term, story in self._new_terms})
        words = Counter({number_of(word): count for word, count in self._new_words.items()})
        added = self._articles - self._before
        if added:
            words[ALL] = added
        grouping_index.add_words(self._connection, words)
        stored = []
        for story in sorted({self.story(key) for key in self._changed} & self._cores.keys()):
            core = self._cores[story]
            features = pack_bytes(json.dumps(to_json(core), ensure_ascii=False, separators=(",", ":")).encode())
            stored.append(StoredCore(real(story), core.since or self._now, core.until or self._now, features))
        grouping_index.put_cores(self._connection, stored)

    def _text(self, article: int) -> Text:
        if article in self._batch:
            return self._batch[article]
        if article not in self._read_texts:
            found = queries.texts_of(self._connection, [article])
            self._remember(article, read(found[0].title, found[0].body) if found else read("", ""))
        self._read_texts.move_to_end(article)
        return self._read_texts[article]

    def _remember(self, article: int, text: Text) -> None:
        self._read_texts[article] = text
        if len(self._read_texts) > REMEMBERED:
            self._read_texts.popitem(last=False)

    def _load_counts(self, texts: Iterable[Text]) -> None:
        words = frozenset().union(*(text.terms.keys() for text in texts))
        by_number = {number_of(word): word for word in words}
        counts = grouping_index.word_counts(self._connection, [*by_number, ALL])
        self._before = self._articles = counts.pop(ALL, 0)
        self._counts = Counter({by_number[number]: count for number, count in counts.items()})

    def _load_terms(self, asked: Iterable[Sequence[str]]) -> None:
        rare: set[str] = set()
        common: set[str] = set()
        for terms in asked:
            few = [term for term in terms if self._counts[term] <= COMMON]
            rare.update(few)
            if len(few) < RARE_WANTED:
                common.update(sorted(set(terms) - set(few), key=lambda term: (self._counts[term], term))[:RARE_WANTED])
        by_number = {number_of(term): term for term in rare}
        found = grouping_index.stories_with(self._connection, by_number.keys())
        self._terms = {by_number[number]: stories for number, stories in found.items()}
        for term in sorted(common):
            self._terms[term] = grouping_index.latest_with(self._connection, number_of(term), STORIES_PER_TERM)

    def _load_members(self, articles: Collection[int]) -> None:
        if articles:
            for key, member in queries.members(self._connection, articles).items():
                self._places[key] = _place_of(member)

    def _load_cores(self, stories: Collection[int]) -> None:
        wanted = [story for story in stories if story not in self._cores and story > 0]
        found = grouping_index.cores(self._connection, wanted) if wanted else {}
        for key, row in found.items():
            self._cores[key] = from_json(json.loads(unpack_bytes(row.features)), row.since, row.until)

    def _note_run(self, run: int, article: int) -> bool:
        new = super()._note_run(run, article)
        if new:
            self._new_runs.append((run, article))
        return new

    def _note_term(self, term: str, story: int) -> bool:
        new = super()._note_term(term, story)
        if new:
            self._new_terms.append((term, story))
        return new


def _place_of(member: Member) -> Place:
    return Place(member.story, member.copies, member.source, believed(member.published, member.seen_at))
