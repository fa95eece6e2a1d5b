"""The outlets as a crawler's configuration lists its sources: config/sources/*.yaml. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import yaml

from alerts.newsroom.editions import Edition
from alerts.newsroom.outlets import ChannelPlan, Format
from alerts.newsroom.pages import SECTION_DATE, SECTION_LINKS, SECTION_NEXT

HEAD = "# The outlets of the sample newsroom, at the ports that newsroom.json keeps for them. Written by it.\n"


def source_file(editions: Iterable[Edition]) -> str:
    """A source file with every outlet and its channels at their present addresses."""
    return HEAD + yaml.safe_dump(
        [_source(edition) for edition in editions], allow_unicode=True, sort_keys=False, width=120
    )


def _source(edition: Edition) -> dict[str, object]:
    outlet = edition.outlet
    values: dict[str, object] = {
        "id": outlet.id,
        "name": outlet.name,
        "country": outlet.country,
        "languages": list(outlet.languages),
        "tier": outlet.tier,
        "party": outlet.party,
        "homepage": edition.url(outlet.homepage),
        "channels": [_channel(edition, channel) for channel in outlet.channels],
    }
    return {key: value for key, value in values.items() if value != ""}


def _channel(edition: Edition, channel: ChannelPlan) -> dict[str, str]:
    values = {channel.kind: edition.url(channel.path)}
    if channel.format is Format.SECTION:
        values |= {"links": SECTION_LINKS, "date": SECTION_DATE, "next_page": SECTION_NEXT}
    return values
