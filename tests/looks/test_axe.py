"""What people see fits its width and keeps the rules of accessibility that a machine can check, light and dark."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.looks import tools
from tests.looks.browser import Browser, browsing
from tests.looks.pages import write_pages

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(420)]

TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
LOOKS = ((390, True), (1280, False))
"""Width in pixels, dark."""


def test_no_rule_is_broken(tmp_path: Path) -> None:
    """All pages in one browser: at a phone's width in the dark, at a desk's in the light."""
    tools.need_chromium()
    axe = (tools.packages() / "axe-core" / "axe.min.js").read_text("utf-8")
    pages = write_pages(tmp_path / "pages")

    async def look() -> dict[str, Any]:
        broken = {}
        async with browsing(tmp_path / "profile") as browser:
            for name, page in pages.items():
                for width, dark in LOOKS:
                    await browser.show(page.as_uri(), width=width, dark=dark)
                    assert await browser.run("matchMedia('(prefers-color-scheme:dark)').matches") is dark
                    wide = await browser.run("document.documentElement.scrollWidth")
                    assert wide <= width, f"{name} does not fit into {width} px: {wide}"
                    if violations := await _violations(browser, axe):
                        broken[f"{name}, {width} px, {'dark' if dark else 'light'}"] = violations
        return broken

    assert asyncio.run(look()) == {}


async def _violations(browser: Browser, axe: str) -> dict[str, list[str]]:
    """Broken rules with the first elements that break them."""
    await browser.run(f"{axe};null")
    options = json.dumps({"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations"]})
    result = await browser.run(f"axe.run(document, {options}).then(found => found.violations)")
    return {rule["id"]: [node["html"][:160] for node in rule["nodes"]][:4] for rule in result}
