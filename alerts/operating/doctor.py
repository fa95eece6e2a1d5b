"""Doctor: one list of what works and what does not, for an operator at an unfamiliar machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import getproxies
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy as sa

from alerts.configuration import Configuration, load_configuration
from alerts.delivery import mailbox
from alerts.delivery.chat import check as check_chat
from alerts.delivery.linking import unreachable
from alerts.delivery.smtp import probe
from alerts.ledger import schema as ledger
from alerts.ledger.template_failures import template_failures
from alerts.links import Signer
from alerts.routes import ChatRoute
from alerts.schedule import next_slots
from crawler.archive import open_archive
from crawler.archive import schema as archive_schema
from crawler.errors import ArchiveError, CeasewireError, ConfigError, SchemaError

if TYPE_CHECKING:
    from crawler.archive import Archive

NETWORK_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "glusterfs", "ceph"})
LOW_DISK_BYTES = 1 << 30
LATE_RUN = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. `level` is ok, warning or error; `configuration` marks errors that a file edit mends."""

    name: str
    level: str
    detail: str
    configuration: bool = False

    @property
    def ok(self) -> bool:
        """Nothing to do."""
        return self.level == "ok"


def examine(folder: Path, now: datetime) -> list[Check]:
    """Look at configuration, database, clock, zones, mail server, last runs, outbox and sources. Sends nothing."""
    try:
        configuration = load_configuration(folder)
    except ConfigError as error:
        try:
            configuration = load_configuration(folder, skip_broken=True)
        except ConfigError:
            return [_broken(error)]
        return [_broken(error), *_examine_parts(configuration, now)]
    sources, rules, desks = configuration.sources, configuration.rule_set.rules, configuration.desks
    counts = f"{folder}: {len(sources)} sources, {len(rules)} rules, {len(desks)} desks"
    return [Check("configuration", "ok", counts), *_examine_parts(configuration, now)]


def _broken(error: ConfigError) -> Check:
    more = f" and {len(error.problems) - 1} more; see `ceasewire config check`" if len(error.problems) > 1 else ""
    first = str(error.problems[0]).splitlines()[0]
    return Check("configuration", "error", first + more, configuration=True)


def _examine_parts(configuration: Configuration, now: datetime) -> list[Check]:
    checks = [
        _clock(now), *_desks(configuration, now), *_mail_server(configuration),
        *_archive_mailbox(configuration), *_web_side(configuration),
        *_proxies(), *_chats(configuration), *_templates(configuration),
    ]  # fmt: skip
    try:
        archive = open_archive(configuration.database_url)
    except SchemaError as error:
        return [*checks, Check("database", "error", str(error), configuration=True)]
    except (ArchiveError, OSError, sa.exc.SQLAlchemyError) as error:
        return [*checks, Check("database", "error", f"cannot be opened: {error}")]
    try:
        return [*checks, *_database(archive), *_rows(archive, configuration, now)]
    finally:
        archive.close()


def _clock(now: datetime) -> Check:
    """A clock before this version was written is wrong; slots are computed from it."""
    if now < datetime(2026, 1, 1, tzinfo=UTC):
        return Check("clock", "error", f"the clock says {now:%Y-%m-%d %H:%M} UTC, which is in the past")
    return Check("clock", "ok", f"{now:%Y-%m-%d %H:%M:%S} UTC")


def _desks(configuration: Configuration, now: datetime) -> Iterator[Check]:
    for desk in configuration.desks:
        try:
            zone = ZoneInfo(desk.zone)
        except ZoneInfoNotFoundError:
            yield Check(
                f"desk {desk.id}", "error", f"zone {desk.zone} is not known on this machine", configuration=True
            )
            continue
        slot = next_slots(desk.schedule, desk.zone, now, 1)[0].astimezone(zone)
        yield Check(f"desk {desk.id}", "ok", f"next digest {slot:%a %Y-%m-%d %H:%M %Z}")


def _mail_server(configuration: Configuration) -> Iterator[Check]:
    """EHLO, STARTTLS and AUTH as a delivery would do them; only where a desk sends mail."""
    if not any(route.kind == "mail" for desk in configuration.desks for route in desk.routes):
        return
    try:
        yield Check("mail server", "ok", probe(configuration.settings.alerts))
    except CeasewireError as error:
        yield Check("mail server", "error", str(error))


def _archive_mailbox(configuration: Configuration) -> Iterator[Check]:
    """Whether doubts could be settled: the mailbox is opened as a delivery would do it."""
    options = configuration.settings.alerts.archive_mailbox
    if options is None:
        return
    try:
        yield Check("archive mailbox", "ok", mailbox.probe(options))
    except CeasewireError as error:
        yield Check("archive mailbox", "error", str(error), configuration=isinstance(error, ConfigError))


def _web_side(configuration: Configuration) -> Iterator[Check]:
    """Whether readers' links would lead anywhere."""
    options = configuration.settings.alerts
    if options.web is None:
        return
    try:
        Signer(options.web.secret().read())
    except (ConfigError, ValueError) as error:
        yield Check("web side", "error", str(error), configuration=True)
        return
    reason = unreachable(options.web.url)
    words = f"{options.web.url} does not answer ({reason}): mails go without links" if reason else options.web.url
    yield Check("web side", "warning" if reason else "ok", words)


def _proxies() -> Iterator[Check]:
    """Behind a proxy it is the proxy that looks names up, so the guard sees URLs only."""
    named = sorted(name for name in getproxies() if name in {"http", "https", "all"})
    if named:
        detail = f"{', '.join(named)} requests go through a proxy: the guard cannot see the addresses behind names"
        yield Check("proxy", "warning", f"{detail}; the proxy must refuse private addresses itself")


def _chats(configuration: Configuration) -> Iterator[Check]:
    """Whether the address of each chat can be read and is understood; nothing is sent."""
    for route in sorted({r for desk in configuration.desks for r in desk.routes if r.kind == "chat"}, key=str):
        assert isinstance(route, ChatRoute)
        try:
            check_chat(route.url.read(), route.name)
        except CeasewireError as error:
            yield Check(f"chat {route.name}", "error", str(error), configuration=isinstance(error, ConfigError))
        else:
            yield Check(f"chat {route.name}", "ok", "its address is understood")


def _database(archive: Archive) -> Iterator[Check]:
    try:
        with archive.write() as connection:
            connection.execute(sa.text("SELECT 1"))
    except (ArchiveError, sa.exc.SQLAlchemyError) as error:
        yield Check("database", "error", f"cannot be written: {error}")
        return
    if archive.dialect != "sqlite":
        yield Check("database", "ok", "PostgreSQL, schema as expected, writable")
        return
    path = Path(sa.engine.make_url(archive.url).database or "")
    kind = _file_system(path)
    if kind in NETWORK_FILE_SYSTEMS:
        yield Check("database", "error", f"{path} lies on a network file system ({kind}): locks do not hold there; "
                    "use a local disk or PostgreSQL", configuration=True)  # fmt: skip
        return
    free = shutil.disk_usage(path.parent).free
    level = "warning" if free < LOW_DISK_BYTES else "ok"
    yield Check("database", level, f"{path}, {path.stat().st_size / 1e6:.1f} MB, {free / 1e9:.1f} GB free")


def _file_system(path: Path) -> str:
    """Type of the file system that holds `path`, as the kernel names it; empty where that cannot be read."""
    best, kind = "", ""
    with suppress(OSError):
        for line in Path("/proc/mounts").read_text("utf-8").splitlines():
            _, mount, found, *_ = line.split(" ")
            inside = os.path.commonpath([mount, path.resolve()]) == mount
            if inside and len(mount) >= len(best):
                best, kind = mount, found
    return kind


def _templates(configuration: Configuration) -> Iterator[Check]:
    """Whether the templates of desks work; while they do not, digests go out in the built-in look."""
    from alerts.digests.proving import prove

    for name, template in configuration.templates.items():
        users = [desk for desk in configuration.desks if desk.template == name]
        budget = min(desk.budget or configuration.settings.alerts.byte_budget for desk in users)
        errors = [problem for problem in prove(template, users[0], budget) if not problem.warning]
        if errors:
            more = f" and {len(errors) - 1} more; see `ceasewire config check`" if len(errors) > 1 else ""
            first = str(errors[0]).splitlines()[0]
            yield Check(f"template {name}", "error", first + more, configuration=True)
        else:
            yield Check(f"template {name}", "ok", f"works, for {', '.join(desk.id for desk in users)}")


def _rows(archive: Archive, configuration: Configuration, now: datetime) -> Iterator[Check]:
    with archive.read() as connection:
        yield _last_success(connection, now)
        yield from _outbox(connection)
        yield _channels(connection)
        named = {desk.id: desk.template for desk in configuration.desks}
        for failure in template_failures(connection):
            if named.get(failure.desk) == failure.template:
                detail = f"{failure.message} went out in the built-in look: {failure.fault}"
                yield Check(f"template {failure.template}", "warning", detail)


def _last_success(connection: sa.Connection, now: datetime) -> Check:
    run = ledger.run
    last = connection.execute(
        sa.select(sa.func.max(run.c.finished_at)).where(run.c.ok, run.c.job == "deliver")
    ).scalar()
    if last is None:
        return Check("last run", "warning", "none yet: start `ceasewire run` from cron, or `ceasewire serve`")
    level = "warning" if now - last > LATE_RUN else "ok"
    return Check("last run", level, f"ended well at {last:%Y-%m-%d %H:%M} UTC")


def _outbox(connection: sa.Connection) -> Iterator[Check]:
    delivery = ledger.delivery
    query = sa.select(delivery.c.state, sa.func.count()).group_by(delivery.c.state)
    counts: dict[str, int] = {row[0]: row[1] for row in connection.execute(query)}
    for state, advice in (
        ("doubt", "outbox list --state doubt"),
        ("failed", "outbox list --state failed"),
        ("held", "outbox resolve"),
    ):
        if counts.get(state):
            yield Check("outbox", "warning", f"{counts[state]} deliveries are {state}: see `ceasewire {advice}`")
    yield Check("outbox", "ok", f"{counts.get('sent', 0)} sent, {counts.get('ready', 0)} ready")


def _channels(connection: sa.Connection) -> Check:
    channel = archive_schema.channel
    query = sa.select(channel.c.state, sa.func.count()).group_by(channel.c.state)
    counts: dict[str, int] = {row[0]: row[1] for row in connection.execute(query)}
    good = sum(counts.get(state, 0) for state in ("ok", "slow", "new"))
    summary = ", ".join(f"{number} {state}" for state, number in sorted(counts.items())) or "none known yet"
    return Check("channels", "ok" if good == sum(counts.values()) else "warning", summary)
