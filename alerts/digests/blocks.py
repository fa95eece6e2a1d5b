"""What a desk's template can change, in words: blocks of every page, values, filters, and a file to start with.

Data for `ceasewire config templates`; tests compare it with the templates and with a real digest.
"""

from __future__ import annotations

from collections.abc import Mapping

from alerts.digests.sandbox import BUILT_IN

FRAME = "page.html.j2"
"""What stands around every HTML page: changed once for digests and alerts."""
FILES: Mapping[str, str] = {
    "digest.html.j2": "the digest, HTML part",
    "digest.txt.j2": "the digest, text part",
    "alert.html.j2": "an alert, HTML part",
    "alert.txt.j2": "an alert, text part",
    FRAME: "the frame of both HTML pages: styles, letterhead, what stands below",
}
_DIGEST: Mapping[str, str] = {
    "summary": "first line, which mail clients show beside the subject: what is new, and the coverage",
    "head": "title of the desk, number, date",
    "notices": "warnings: the collector was down, the digest is late, rules are broken",
    "counts": "how many stories of each severity",
    "stages": "ceasefires by stage",
    "empty": "what a digest without stories says",
    "stories": "all sections with their stories",
    "section_head": "heading of one `section`",
    "entry": "one `story` in full, with its evidence",
    "line": "one `story` as a headline, where there is no room for more",
    "more": "how many stories of a `section` are not shown at all",
    "corrections": "stories told earlier that were merged, withdrawn or judged wrong",
    "coverage": "what was read, sources that are silent or failing, gaps",
    "foot": "next digest, schedule, unsubscribe",
}
_ALERT: Mapping[str, str] = {
    "head": "alert, update or storm; desk, time",
    "stories": "the story, or all stories of a storm",
    "entry": "one `story` in full, with its evidence",
    "line": "one `story` of a storm as a headline",
    "foot": "when the next digest comes, a word of caution, unsubscribe",
}
_FRAME: Mapping[str, str] = {
    "title": "title of the document, which browsers show",
    "style": "your own rules at the end of the style sheet",
    "preheader": "invisible first line, which mail clients show beside the subject",
    "before": "above the card: your letterhead",
    "main": "everything in the card",
    "after": "below the card: your address",
}
BLOCKS: Mapping[str, Mapping[str, str]] = {
    "digest.html.j2": _DIGEST,
    "digest.txt.j2": _DIGEST,
    "alert.html.j2": _ALERT,
    "alert.txt.j2": _ALERT,
    FRAME: _FRAME,
}
"""File -> block -> what it shows, in the order of the page. HTML pages have the blocks of the frame too."""

_STORY: Mapping[str, str] = {
    "story.title": "headline, at most 300 characters",
    "story.headline": "the same as segments: `{% for hit, text in story.headline %}`, hit = it made the rule fire",
    "story.url": "link to the article; write `story.url|link`, which is empty for a link that cannot be trusted",
    "story.source": "outlet",
    "story.party": "side in the conflict that the outlet belongs to; mostly empty",
    "story.when": "when it was published, in the desk's zone, as words",
    "story.language": "code such as `uk`; may be empty",
    "story.severity": "critical, high, medium or low",
    "story.class": "event, statement or context",
    "story.mentions": "list of `topic` and `stages`; write `mention.topic|label(mention.stages)`",
    "story.evidence": "list of sentences: `segments` as of the headline, and the `rule` that fired",
    "story.kind": "new or update",
    "story.change": "of an update: what is new about it",
    "story.notes": "corrections that outlets have made",
    "story.outlets": "how many outlets carry it",
    "story.independent": "how many of them with a text of their own; none if that is not known",
    "story.origins": "list of whose texts they are: `name`, `url`, `party`, `in` (how many), `carriers`, `more`",
    "story.more_origins": "how many origins are not in the list",
    "story.parties": "as origins: those that are sides in the conflict",
    "story.text_of": "of a single outlet: whose text it prints, if not its own",
    "story.others": "list of `source` and `url`: outlets whose text is not known",
    "story.more_others": "how many of them are not in the list",
    "story.article": "number of the article; `links.feedback` and this make a link to judge it",
    "story.story": "number of the story",
    "story.revision": "counts what has changed about the story",
    "story.rank": "place in the digest",
}
_COMMON: Mapping[str, str] = {
    "title": "of the desk",
    "desk": "its id",
    "made": "when this was made, as ISO 8601 in UTC",
    "preheader": "the summary line",
    "stories": "all stories, loudest first",
    "links.unsubscribe": "where a reader takes themselves off; empty without `web:`",
    "links.feedback": "what stands before /ARTICLE in a link to judge an article; empty without `web:`",
    "links.page": "the digest in the static site; empty without one",
    "format": "version of these values",
}
VALUES: Mapping[str, Mapping[str, str]] = {
    "digest": {
        **_COMMON,
        "sections": "the stories that fit: list of `title`, `key`, `total`, `full`, `lines` and `more`",
        "number": "of the digest",
        "since_number": "of the one before; none for a first one",
        "slot": "`slot.date`, `slot.time`, `slot.zone`, `slot.next` (next digest), `slot.utc` (ISO 8601)",
        "schedule": "the desk's cron rule",
        "counts": "stories by severity, and of statements and context: `counts.critical` ...",
        "told": "`told.new`, `told.updated`, `told.corrected`: how many",
        "late": "none, or `late.due`, `late.made`, `late.missed`",
        "corrections": "list of `title`, `url` and `reason`",
        "coverage": "`read`, `sources`, `sources_read`, `since`, `outage` (none, or `outage.since`), `skipped_rules`, "
        "`rows` (list of `name` and `text`)",
        "preview": "true when nothing is sent",
        "budget": "bytes that the page may have",
    },
    "alert": {
        **_COMMON,
        "kind": "new, update or storm",
        "date": "as words",
        "time": "in the desk's zone",
        "zone": "of the desk",
        "next": "when the next digest comes",
        "most": "alerts an hour before there is a storm",
        "shown": "how many stories of a storm are told in full",
    },
    "story": _STORY,
}
"""Page -> value -> what it is. Every value is text, a number, a list or has named parts; nothing is markup."""
FILTERS: Mapping[str, str] = {
    "link": "the address if a reader may be sent there (http, https, mailto), else nothing",
    "number": "1204|number is 1,204",
    "count": "3|count('story', 'stories') is 3 stories",
    "listed": "names|listed(3) is A, B, C and 2 more",
    "label": "topic|label(stages) is Ceasefire · violated",
    "direction": "ltr or rtl: how a text runs",
    "apart": "a text that does not turn the direction of what stands around it, for text parts",
    "is_right_to_left": "of a language code",
    "by_stage": "stories|by_stage: ceasefires by stage, as words",
    "totals": "counts|totals: 4 critical, 21 high",
    "wordwrap": "text|wordwrap(72): lines of at most 72 letters",
}
"""Filters besides Jinja's own."""


def starting_point(file: str) -> str:
    """A file that changes nothing yet and names every block: what `--write` puts down."""
    lines = [
        "{#",
        f"  {FILES[file][0].upper()}{FILES[file][1:]}.",
        "  To change a block, take the marks around it away and write what it shall show; what the built-in page shows",
        "  there comes with super(). Blocks that you leave out stay as they are. docs/templates.md has a tutorial.",
        "#}",
        f'{{% extends "{BUILT_IN}{file}" %}}',
    ]
    for name, words in BLOCKS[file].items():
        lines += ["", f"{{# {words} #}}", f"{{# {{% block {name} %}}{{{{ super() }}}}{{% endblock %}} #}}"]
    return "\n".join(lines) + "\n"


def starting_files() -> Mapping[str, str]:
    """Name and text of every file that `--write` puts down."""
    return {file: starting_point(file) for file in FILES}
