"""Putting a changed configuration file in its place: whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from crawler.configfile.reading import parse_document


def replace_file(path: Path, text: str) -> None:
    """Write a file so that a reader, or a power cut, meets either the old text or the new one.

    Keeps the permissions of a file that is there and follows a link to where it leads; makes missing folders.

    Raises:
        OSError: it cannot be written; the old file is untouched.
    """
    target = path.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    # Hidden: nobody reads it as configuration meanwhile.
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".new")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(target.stat().st_mode & 0o7777 if target.exists() else 0o644)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def scalar(value: str) -> str:
    """Text as it stands in a YAML file: as it is where YAML reads it back so, else in double quotes."""
    document, problems = parse_document(f"- {value}\n", "")
    # A flow list holds commas and brackets apart, so a value that is plain there is plain everywhere.
    flow, more = parse_document(f"- [{value}]\n", "")
    read = [one.data for one in (document, flow) if one is not None]
    plain = read == [[value], [[value]]] and not problems and not more
    return value if plain else json.dumps(value, ensure_ascii=False)
