"""A headless Chromium that is steered over its own protocol: pages at a width, light or dark, measured and pictured.

No driver library is needed: aiohttp, which the project has anyway, speaks the protocol's WebSocket.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
START_SECONDS = 60.0
ANSWER_SECONDS = 120.0
LARGEST_ANSWER = 200_000_000
PORT_FILE = "DevToolsActivePort"
# Nothing is asked of the network, and letters look the same wherever the pictures are made.
FLAGS = (
    "--headless=new",
    "--remote-debugging-port=0",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--font-render-hinting=none",
    "--disable-lcd-text",
    "--force-color-profile=srgb",
)


def find_chromium() -> str | None:
    """The program, or None; ``CEASEWIRE_CHROMIUM`` names another one."""
    return os.environ.get("CEASEWIRE_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


class PageError(Exception):
    """The browser refused a command, or a script in the page failed."""


class Browser:
    """One tab. Commands are sent one after the other."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)

    async def command(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command of the protocol and wait for its result.

        Raises:
            PageError: it was refused.
        """
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            answer = await self._read()
            if answer.get("id") == number:
                if "error" in answer:
                    raise PageError(f"{method}: {answer['error'].get('message')}")
                result: dict[str, Any] = answer["result"]
                return result

    async def _read(self) -> dict[str, Any]:
        message = await self._socket.receive(ANSWER_SECONDS)
        if message.type is not WSMsgType.TEXT:
            raise PageError(f"the browser has gone: {message.type.name}")
        answer: dict[str, Any] = json.loads(message.data)
        return answer

    async def show(self, page: str, *, width: int, dark: bool = False, height: int = 900) -> None:
        """Open a page.

        Args:
            page: its URL.
            width: of the window, in CSS pixels; below 600 a phone with touch.
            dark: what the reader prefers.
            height: of the window.
        """
        await self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.command("Emulation.setEmulatedMedia", features=[scheme])
        await self.command("Page.enable")
        await self.command("Page.navigate", url=page)
        while (await self._read()).get("method") != "Page.loadEventFired":
            pass

    async def run(self, script: str) -> Any:
        """The value of a JavaScript expression in the page; promises are waited for.

        Raises:
            PageError: the script failed.
        """
        result = await self.command("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise PageError(str(details.get("exception", {}).get("description") or details.get("text")))
        return result["result"].get("value")

    async def picture(self, *, height: int | None = None) -> bytes:
        """The page as PNG: the whole of it, or so many CSS pixels from its top."""
        width, whole = await self.run("[innerWidth, document.documentElement.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": width, "height": min(height or whole, whole), "scale": 1}
        result = await self.command("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
        return base64.b64decode(result["data"])


@asynccontextmanager
async def browsing(profile: Path) -> AsyncIterator[Browser]:
    """Run a browser while the block runs.

    Args:
        profile: a folder of its own, made if missing.

    Raises:
        PageError: there is no Chromium, or it does not start.
    """
    process = _start(profile)
    try:
        port = await _port(profile, process)
        async with ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                tabs = await answer.json(content_type=None)
            address = next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
            async with session.ws_connect(address, max_msg_size=LARGEST_ANSWER) as socket:
                yield Browser(socket)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _start(profile: Path) -> subprocess.Popen[bytes]:
    program = find_chromium()
    if program is None:
        raise PageError("no Chromium is installed")
    flags = [*FLAGS, f"--user-data-dir={profile}"]
    if os.name == "posix" and os.geteuid() == 0:
        flags.append("--no-sandbox")  # its sandbox refuses to run as root
    profile.mkdir(parents=True, exist_ok=True)
    (profile / PORT_FILE).unlink(missing_ok=True)  # of a browser before
    return subprocess.Popen(
        [program, *flags, "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


async def _port(profile: Path, process: subprocess.Popen[bytes]) -> int:
    """The browser writes its port into its profile as soon as it listens."""
    found = profile / PORT_FILE
    for _ in range(int(START_SECONDS / 0.05)):
        if found.exists() and (lines := found.read_text("ascii").split()):
            return int(lines[0])
        if process.poll() is not None:
            break
        await asyncio.sleep(0.05)
    raise PageError("Chromium did not start")
