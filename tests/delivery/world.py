"""A small configured world: one desk, its routes and mail server, and a digest that waits to be enqueued."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from alerts.configuration import Configuration, load_configuration
from alerts.digests import make_digests
from alerts.ledger import deliveries
from crawler.archive import Archive

SLOT = datetime(2026, 3, 1, 7, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def configure(
    folder: Path,
    port: int,
    *,
    mail: tuple[str, ...] = ("a@desk.example",),
    folders: tuple[str, ...] = (),
    alerts: dict[str, Any] | None = None,
    **smtp: Any,
) -> Configuration:
    """Write a configuration with an hourly desk and read it. JSON is YAML."""
    server = {"host": "127.0.0.1", "port": port, "security": "none", "timeout_seconds": 10.0, **smtp}
    settings = {"alerts": {"sender": {"address": "wire@news.example"}, "smtp": server, **(alerts or {})}}
    routes: list[dict[str, Any]] = [{"folder": name} for name in folders]
    if mail:
        routes.append({"mail": list(mail)})
    desk = {"id": "sudan", "title": "Sudan", "schedule": "0 * * * *", "zone": "UTC", "routes": routes}
    for name in ("sources", "rules", "lists", "desks"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "settings.yaml").write_text(json.dumps(settings, indent=1))
    (folder / "desks" / "sudan.yaml").write_text(json.dumps(desk, indent=1))
    return load_configuration(folder, skip_broken=not routes)


def configure_routes(folder: Path, routes: Sequence[Mapping[str, Any]]) -> Configuration:
    """Write a configuration whose hourly desk has these routes, and read it."""
    configure(folder, 25, mail=())
    desk = {"id": "sudan", "title": "Sudan", "schedule": "0 * * * *", "zone": "UTC", "routes": list(routes)}
    (folder / "desks" / "sudan.yaml").write_text(json.dumps(desk, indent=1))
    return load_configuration(folder)


def freeze(archive: Archive, configuration: Configuration, slots: int = 1) -> None:
    """Freeze a digest for each of the last `slots` hours up to SLOT; nothing was read, so they say that."""
    make_digests(archive, configuration, SLOT - slots * timedelta(hours=1))
    for hours in reversed(range(slots)):
        assert make_digests(archive, configuration, SLOT - hours * timedelta(hours=1))


def rows(archive: Archive) -> list[dict[str, Any]]:
    """All deliveries, oldest first."""
    with archive.read() as connection:
        return list(reversed(deliveries.list_deliveries(connection, limit=10_000)))


def row(archive: Archive, target: str = "a@desk.example") -> dict[str, Any]:
    """The only delivery to this target."""
    (found,) = [one for one in rows(archive) if one["target"] == target]
    return found


def final_bytes(archive: Archive, delivery_id: int) -> bytes:
    """What was composed for a delivery."""
    with archive.read() as connection:
        data = deliveries.delivery_bytes(connection, delivery_id)
    assert data is not None
    return data
