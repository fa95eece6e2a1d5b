"""What makes a newsroom the same newsroom the next time: its anchor time and its outlets' ports, in newsroom.json."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from alerts.newsroom.strict import NewsroomError

FILE = "newsroom.json"


@dataclass(frozen=True, slots=True)
class Anchor:
    """The moment from which articles count their hours back (aware UTC, whole seconds) and the port of each outlet."""

    time: datetime
    ports: Mapping[str, int] = field(default_factory=dict)


def load_anchor(folder: Path) -> Anchor | None:
    """What `folder` keeps, or None at the first start. Raises NewsroomError when the file was damaged."""
    file = folder / FILE
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        time = datetime.fromisoformat(data["anchor"])
        ports = data["ports"]
        if time.tzinfo is None or not all(type(port) is int and 0 < port < 65536 for port in ports.values()):
            raise ValueError("the anchor needs a zone and ports are numbers")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NewsroomError(f"{file}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NewsroomError(f"{file} was damaged ({error}); start over in an empty folder") from error
    return Anchor(time.astimezone(UTC), ports)


def save_anchor(folder: Path, anchor: Anchor) -> None:
    """Write it in one step, so that a kill leaves the old file or the new one. Raises NewsroomError."""
    file = folder / FILE
    data = {"anchor": anchor.time.isoformat(), "ports": dict(sorted(anchor.ports.items()))}
    part = file.with_name(f".{FILE}.{os.getpid()}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
        part.replace(file)
    except OSError as error:
        raise NewsroomError(f"{file}: {error.strerror}") from error
