"""What the tests of kills run in a process of its own: feeds collected again and again."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from crawler import reactor
from crawler.archive import open_archive
from crawler.collect import collect
from tests.collect.conftest import make_options, make_source


def main() -> None:
    """Arguments: database, rounds, `pages` (of feeds that are due) or `feeds` (due or not), and the feeds' URLs."""
    database, rounds, what, *feeds = sys.argv[1:]
    source = make_source(*(("feed", url) for url in feeds), fetch_pages=what == "pages")
    # A machine with more to do may let this process stand still for seconds. An answer that is late for that is a try
    # that failed, and the next one is due minutes later, which is not what is looked at.
    options = make_options(feed_timeout_seconds=60.0, page_timeout_seconds=60.0, extract_seconds=60.0)
    archive = open_archive(database)
    everything = what == "feeds"
    for _ in range(int(rounds)):
        reactor.run(lambda: collect(archive, [source], options, now=lambda: datetime.now(UTC), everything=everything))
