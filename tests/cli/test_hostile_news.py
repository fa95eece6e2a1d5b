"""What a hostile feed says, followed by `ceasewire run` to a desk's mail and by `export` to a spreadsheet."""

from __future__ import annotations

import csv
import email
import email.policy
import io
import re
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.cli.conftest import DESK, SETTINGS, Ceasewire
from tests.collect.conftest import Reply, Web, rss
from tests.delivery.servers import Recorder

NOW, LATER = "2026-03-02T06:00:00+00:00", "2026-03-02T07:30:00+00:00"
# Each text its own story: only the truce is common.
WORDS = (
    "river barges wheat", "glacier guides rescue", "tram drivers strike", "opera tickets forged",
    "chess club flood", "bakers union vote", "museum roof collapse", "orchard frost apples", "ferry pier repairs",
    "library archive letters", "quarry dust lawsuit", "beekeepers swarm honey", "velodrome record sprint",
    "lighthouse keeper storm",
)  # fmt: skip


def text(number: int) -> str:
    """A text of its own about a broken truce."""
    one, two, three = WORDS[number].split()
    return (
        f"The truce was broken near the {one} {two} on day {number * 37}. Reports of {three} in sector {number * 101} "
        f"came with news of {two} and {one}, said observer number {number * 7}, who counted {number * 13 + 5} {three}."
    )


HEADLINES = (
    "Truce broken&#13;&#10;Bcc: all@victim.example&#13;&#10;&#13;&#10;body",
    "Truce broken\u2028Subject: owned\u2029X-Evil: yes",
    "\u202eTruce broken\u2066 backwards",
    "=HYPERLINK(&quot;http://evil.example&quot;;&quot;Truce broken&quot;)",
    "+cmd|' /C calc'!A0 truce broken",
    "-2+3 truce broken",
    "@SUM(1) truce broken",
    "&#9;=1+1 truce broken",
    "&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;Truce broken",
    "&lt;/title&gt;&lt;/td&gt;&lt;/table&gt;Truce broken",
    "{{ 7*7 }}{% raw %} truce broken",
    "=?utf-8?Q?Truce_broken?= %0d%0aBcc:x",
    "Truce broken " + "A" * 100_000,
    "Truce broken " + "&#x301;" * 500,
)
LINKS = (
    "javascript:alert(1)",
    "java&#9;script:alert(1)",
    "data:text/html,x",
    "http://paper.example/&quot;onload=&quot;x",
)


@pytest.fixture
def mailed(ceasewire: Ceasewire, wire: Path, monkeypatch: pytest.MonkeyPatch) -> EmailMessage:
    """The digest that a desk gets by SMTP of a feed with all of that."""
    entries = [
        f"<item><title>{title}</title><link>{LINKS[n] if n < len(LINKS) else f'http://paper.example/{n}'}</link>"
        f"<guid>g{n}</guid><description>{text(n)}</description></item>"
        for n, title in enumerate(HEADLINES)
    ]
    web = Web()
    web.replies["/rss"] = Reply(rss(), headers={"Content-Type": "application/rss+xml"})
    with Recorder() as recorder:
        smtp = f"  smtp: {{host: 127.0.0.1, port: {recorder.port}, security: none}}\n"
        (wire / "settings.yaml").write_text(SETTINGS + smtp)
        (wire / "desks" / "night.yaml").write_text(DESK.replace("folder: out", "mail: [a@desk.example]"))
        (wire / "sources" / "paper.yaml").write_text(
            "- id: the-paper\n  name: The Paper\n  languages: [en]\n  fetch_pages: false\n"
            f"  channels: [{{feed: {web.url}/rss}}]\n"
        )
        try:
            assert ceasewire("--config", wire, "migrate").code == 0
            # The first fetch is an empty feed: what comes afterwards is news and no back-fill.
            monkeypatch.setenv("CEASEWIRE_NOW", NOW)
            assert ceasewire("--config", wire, "run").code == 0
            web.replies["/rss"] = Reply(rss(*entries), headers={"Content-Type": "application/rss+xml"})
            monkeypatch.setenv("CEASEWIRE_NOW", LATER)
            done = ceasewire("--config", wire, "run")
            assert (done.code, done.err) == (0, "")
        finally:
            web.close()
        [mail] = recorder.accepted
    assert mail.recipients == ("a@desk.example",)
    message = email.message_from_bytes(mail.data, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def test_a_hostile_feed_in_mail_and_spreadsheet(ceasewire: Ceasewire, wire: Path, mailed: EmailMessage) -> None:
    assert {name.lower() for name in mailed} & {"bcc", "x-evil", "cc"} == set()
    assert mailed.get_all("Subject") == [mailed["Subject"]]
    assert mailed["To"] == "a@desk.example"
    plain, html = (mailed.get_body((kind,)) for kind in ("plain", "html"))
    assert plain is not None
    assert html is not None
    words, markup = plain.get_content(), html.get_content()
    for shown in (str(mailed["Subject"]), words, markup):
        assert not re.search("[\u202a-\u202e\u2066-\u2069\u2028\u2029\x00-\x08\x0b\x0c\x0e-\x1f]", shown)
    assert words.casefold().count("truce broken") >= 5
    assert not re.search(r"<\s*(script|img|iframe|svg|object)|\son\w+\s*=|javascript:|data:text", markup, re.IGNORECASE)
    assert "{{ 7*7 }}" in words
    assert len(mailed.as_bytes()) < 120_000

    exported = ceasewire("--config", wire, "export", "--format", "csv", "--all", "--text")
    assert exported.code == 0
    rows = list(csv.DictReader(io.StringIO(exported.out)))
    assert len({row["id"] for row in rows}) == len(HEADLINES)
    cells = [cell for row in rows for cell in row.values() if cell]
    assert not [cell[:40] for cell in cells if cell[0] in "=+-@\t\r"]
    assert any(row["title"].startswith("'=HYPERLINK") for row in rows)
