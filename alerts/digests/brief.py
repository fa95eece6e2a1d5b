"""A frozen snapshot -> what programs and chats get of a digest: a document of plain values, and a few lines. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from alerts.digests import wording
from alerts.digests.render import Rendered, loudest_first

DIGEST, ALERT = "ceasewire.digest/1", "ceasewire.alert/1"
"""Names and versions of the documents. Keys are added within a version, never renamed or taken away."""
_HEADLINE = 140


def document(snapshot: Mapping[str, Any], rendered: Rendered) -> dict[str, Any]:
    """A digest or an alert for a program: JSON values; times are ISO 8601 in UTC, texts are plain.

    Args:
        snapshot: what `compose` or `compose_alert` made.
        rendered: the same rendered, for its subject.
    """
    common = {
        "desk": snapshot["desk"],
        "title": snapshot["title"],
        "made": snapshot["made"],
        "subject": rendered.subject,
        "stories": [_story(story) for story in loudest_first(snapshot["stories"])],
    }
    if _is_alert(snapshot):
        return {"type": ALERT, "kind": snapshot["kind"], **common}
    coverage = snapshot["coverage"]
    return {
        "type": DIGEST,
        **common,
        "number": snapshot["number"],
        "slot": snapshot["slot"]["utc"],
        "counts": dict(snapshot["counts"]),
        "coverage": {
            "articles_read": coverage["read"],
            "sources": coverage["sources"],
            "sources_read": coverage["sources_read"],
            "outage": coverage["outage"] is not None,
            "skipped_rules": list(coverage["skipped_rules"]),
            "notes": {row["name"]: row["text"] for row in coverage["rows"]},
        },
        "corrections": [dict(correction) for correction in snapshot["corrections"]],
    }


def _is_alert(snapshot: Mapping[str, Any]) -> bool:
    return "coverage" not in snapshot


def _story(story: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "story": story["story"],
        "revision": story["revision"],
        "kind": story["kind"],
        "change": story["change"],
        "title": story["title"],
        "url": wording.safe_link(story["url"]),
        "language": story["language"],
        "source": story["source"],
        "party": story["party"],
        "severity": story["severity"],
        "class": story["class"],
        "mentions": story["mentions"],
        "outlets": story["outlets"],
        "independent": story["independent"],
        "notes": list(story["notes"]),
        "evidence": [
            {"rule": proof["rule"], "sentence": "".join(text for _, text in proof["segments"])}
            for proof in story["evidence"]
        ],
    }


def chat_lines(snapshot: Mapping[str, Any], rendered: Rendered) -> dict[str, Any]:
    """A digest or an alert for a chat: a title and one line a story, loudest first, for `fit_lines` to cut to size.

    Returns:
        JSON values ``{title, lines}``.
    """
    lines = [_line(story) for story in loudest_first(snapshot["stories"])]
    if _is_alert(snapshot):
        lines.append(f"Also in the next digest, {snapshot['next']}")
        return {"title": rendered.subject, "lines": lines}
    lines += [f"Correction: {correction['title']}: {correction['reason']}" for correction in snapshot["corrections"]]
    coverage = snapshot["coverage"]
    read = f"{wording.count(coverage['read'], 'article')} read from {coverage['sources_read']} of "
    lines.append(read + wording.count(coverage["sources"], "source"))
    return {"title": rendered.subject, "lines": lines}


def _line(story: Mapping[str, Any]) -> str:
    word = story["severity"].upper()
    if story["class"] != "event":
        word += f", {'background' if story['class'] == 'context' else story['class']}:"
    outlets = f", {story['outlets']} outlets" if story["outlets"] > 1 else ""
    update = f"Update: {story['change']}. " if story["kind"] == "update" and story["change"] else ""
    link = wording.safe_link(story["url"])
    headline = wording.apart(wording.shorten(story["title"], _HEADLINE))
    return f"{word} {update}{headline} ({wording.apart(story['source'])}{outlets}) {link}".rstrip()


def fit_lines(lines: Sequence[str], limit: int) -> str:
    """As many whole lines as `limit` characters hold, and how many more there are; the last line is always kept."""
    whole = "\n".join(lines)
    if len(whole) <= limit:
        return whole
    *stories, foot = lines
    for kept in range(len(stories) - 1, -1, -1):
        text = "\n".join([*stories[:kept], f"and {len(stories) - kept} more", foot])
        if len(text) <= limit:
            return text
    return wording.shorten(foot, limit)
