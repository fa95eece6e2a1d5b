"""The web side as an aiohttp application: GET shows, POST acts, because mail scanners open every link."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from alerts.delivery.mail import wire_domain
from alerts.ledger import readers, verdicts
from alerts.links import Signer
from alerts.operating.facts import gather
from alerts.operating.metrics import exposition
from alerts.operating.status import counts, tell
from crawler.errors import ArchiveError, CeasewireError, ConfigError

if TYPE_CHECKING:
    import sqlalchemy as sa

    from alerts.configuration import Configuration
    from alerts.ledger.readers import Asked, Reader
    from crawler.archive import Archive

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Answer = TypeVar("Answer")

JUDGEMENTS = {"relevant": "Relevant", "not": "Not relevant", "unsure": "Not sure"}
MOST_BYTES = 4096
"""Of a request's body: a form of one field."""
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Server": "ceasewire",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
    "Cache-Control": "no-store",
}


class Site:
    """What the handlers share. The configuration is asked for anew, because the daemon reloads it."""

    def __init__(
        self, archive: Archive, configuration: Callable[[], Configuration], now: Callable[[], datetime]
    ) -> None:
        self._archive = archive
        self._configuration = configuration
        self._now = now

    def application(self) -> web.Application:
        """The application with its routes."""
        application = web.Application(client_max_size=MOST_BYTES, middlewares=[_guarded])
        application.add_routes(
            [
                web.get("/healthz", self.health),
                web.get("/metrics", self.metrics),
                web.get("/f/{token}/{article:[0-9]{1,18}}", self.ask_verdict),
                web.post("/f/{token}/{article:[0-9]{1,18}}", self.take_verdict),
                web.get("/u/{token}", self.ask_unsubscribe),
                web.post("/u/{token}", self.unsubscribe),
                web.post("/u/{token}/undo", self.subscribe_again),
            ]
        )
        return application

    async def health(self, request: web.Request) -> web.Response:
        """200 while everything works, 503 when a line of `status` is an error; the lines as JSON."""
        del request
        facts = await asyncio.to_thread(gather, self._archive, self._now())
        lines = tell(facts, self._configuration())
        levels = counts(lines)
        body = {
            "status": "failing" if levels["error"] else "ok",
            "lines": [{"part": line.part, "level": line.level, "text": line.text} for line in lines],
        }
        return web.Response(
            text=json.dumps(body, ensure_ascii=False) + "\n",
            content_type="application/json",
            status=503 if levels["error"] else 200,
        )

    async def metrics(self, request: web.Request) -> web.Response:
        """Metrics for Prometheus."""
        del request
        facts = await asyncio.to_thread(gather, self._archive, self._now())
        text = exposition(facts, self._configuration().desks)
        return web.Response(body=text, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    async def ask_verdict(self, request: web.Request) -> web.Response:
        """Show the article and three buttons."""
        _, asked = await self._asked(request)
        return _page("verdict.html.j2", asked=asked, judgements=JUDGEMENTS, said="")

    async def take_verdict(self, request: web.Request) -> web.Response:
        """Keep the reader's verdict for every topic the article is flagged for."""
        reader, asked = await self._asked(request)
        judgement = str((await request.post()).get("judgement", ""))
        if judgement not in JUDGEMENTS:
            raise web.HTTPBadRequest(text="no such judgement")
        now = self._now()

        def keep(connection: sa.Connection) -> None:
            for topic in asked.topics:
                verdicts.add_verdict(connection, (asked.id, asked.version), topic, judgement, reader.address, now)

        await self._write(keep)
        return _page("verdict.html.j2", asked=asked, judgements=JUDGEMENTS, said=JUDGEMENTS[judgement])

    async def ask_unsubscribe(self, request: web.Request) -> web.Response:
        """Show whom a click would take off what."""
        return _page("unsubscribe.html.j2", reader=await self._reader(request), state="asking", path="")

    async def unsubscribe(self, request: web.Request) -> web.Response:
        """Take the reader off the desk's mails: one click of a mail program (RFC 8058), or the page's button."""
        reader, now = await self._reader(request), self._now()
        await self._write(lambda connection: readers.unsubscribe(connection, reader.desk, reader.address, "link", now))
        return _page("unsubscribe.html.j2", reader=reader, state="off", path=request.match_info["token"])

    async def subscribe_again(self, request: web.Request) -> web.Response:
        """Put the reader back."""
        reader = await self._reader(request)
        await self._write(lambda connection: readers.subscribe_again(connection, reader.desk, reader.address))
        return _page("unsubscribe.html.j2", reader=reader, state="on", path="")

    async def _reader(self, request: web.Request) -> Reader:
        options = self._configuration().settings.alerts
        if options.web is None:
            raise web.HTTPNotFound(text="no such page")
        try:
            identity = Signer(options.web.secret().read()).identity_of(request.match_info["token"])
        except ConfigError as error:
            raise web.HTTPServiceUnavailable(text="this page cannot be shown now") from error
        if identity is None:
            raise web.HTTPNotFound(text="no such page")
        message_id = f"<{identity}@{wire_domain(options.domain)}>"
        reader = await self._read(lambda connection: readers.reader_of(connection, message_id))
        if reader is None:
            raise web.HTTPNotFound(text="no such page")
        return reader

    async def _asked(self, request: web.Request) -> tuple[Reader, Asked]:
        reader = await self._reader(request)
        article = int(request.match_info["article"])
        asked = await self._read(lambda connection: readers.asked_about(connection, reader, article))
        if asked is None:
            raise web.HTTPNotFound(text="no such page")
        return reader, asked

    async def _read(self, query: Callable[[sa.Connection], Answer]) -> Answer:
        def run() -> Answer:
            with self._archive.read() as connection:
                return query(connection)

        return await asyncio.to_thread(run)

    async def _write(self, change: Callable[[sa.Connection], object]) -> None:
        def run() -> None:
            with self._archive.write() as connection:
                change(connection)

        await asyncio.to_thread(run)


@asynccontextmanager
async def serving(site: Site, host: str, port: int) -> AsyncIterator[int]:
    """Serve while the block runs.

    Args:
        site: what to serve.
        host: address to listen on.
        port: 0 takes a free one.

    Yields:
        The port.

    Raises:
        OSError: the address cannot be listened on.
    """
    runner = web.AppRunner(site.application(), access_log=None, handle_signals=False)
    await runner.setup()
    try:
        listener = web.TCPSite(runner, host, port)
        await listener.start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


@web.middleware
async def _guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The same headers on every answer, and no details of ours in an error's."""
    try:
        response = await handler(request)
    except web.HTTPException as error:
        error.headers.update(_HEADERS)
        raise
    except (ArchiveError, CeasewireError):
        response = web.Response(status=503, text="this page cannot be shown now\n")
    response.headers.update(_HEADERS)
    return response


def _page(name: str, **values: object) -> web.Response:
    return web.Response(text=_environment().get_template(name).render(values), content_type="text/html")


@cache
def _environment() -> Environment:
    return Environment(loader=PackageLoader("alerts.web"), autoescape=True, undefined=StrictUndefined)
