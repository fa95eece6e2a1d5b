"""Every kind of page that people see, as files: mails, the static site, the pages of the web side."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from alerts.delivery.site import write_edition
from alerts.digests.brief import document
from alerts.digests.render import render
from alerts.ledger.readers import Asked, Reader
from alerts.web import app
from tests.digests import samples
from tests.digests.scenes import SCENES, corrected, of_source

DESKS = ("field", "night")


def write_pages(folder: Path) -> dict[str, Path]:
    """Write them all below `folder`; by name."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = {}
    for name, scene in SCENES.items():
        pages[f"mail {name}"] = folder / f"{name}.html"
        pages[f"mail {name}"].write_text(scene().html, "utf-8")
    pages |= write_site(folder / "site")
    for name, page in web_pages():
        pages[f"web {name}"] = folder / f"{name.replace(' ', '-')}.html"
        pages[f"web {name}"].write_text(page, "utf-8")
    return pages


def write_site(root: Path) -> dict[str, Path]:
    """A site of two desks with three digests each; its front, an index and a page by name."""
    snapshots = [samples.snapshot([]), of_source("alnabaa", "hamakor"), corrected()]
    for desk in DESKS:
        for at, snapshot in enumerate(snapshots):
            slot = samples.SLOT - timedelta(days=2 - at)
            told = {"desk": desk, "title": f"{desk.title()} desk", "number": 212 + at, "made": slot.isoformat()}
            made: dict[str, Any] = {**snapshot, **told, "slot": {**snapshot["slot"], "utc": slot.isoformat()}}
            rendered = render(made)
            pages = {"html": rendered.html, "text": rendered.text}
            edition = json.dumps({"document": document(made, rendered), **pages})
            write_edition(root, edition.encode(), "desk.example")
    folder = root / DESKS[0]
    return {"site front": root / "index.html", "site desk": folder / "index.html", "site page": folder / "214.html"}


def web_pages() -> Iterator[tuple[str, str]]:
    """The pages readers come to by the links in their mails."""
    title, arabic = samples.SAMPLES[0][1], samples.SAMPLES[1][1]
    reader = Reader("field", "ana@desk.example", 1, 1, None)
    for name, text, said in (
        ("verdict", title, ""),
        ("verdict kept", title, "Not relevant"),
        ("verdict rtl", arabic, ""),
    ):
        asked = Asked(1, 1, text, "https://lanter.example/news/1", ("civilian_attack", "ceasefire"))
        yield name, str(app._page("verdict.html.j2", asked=asked, judgements=app.JUDGEMENTS, said=said).text)
    for state in ("asking", "off", "on"):
        yield (
            f"unsubscribe {state}",
            str(app._page("unsubscribe.html.j2", reader=reader, state=state, path="token").text),
        )
