"""The folder route: a digest as .eml, .html and .txt, written so that a reader never meets half a file.

Writing is idempotent: the names follow from desk, number and slot, the contents from the final bytes, so a run that was
killed in between writes the same files again. The .eml comes last: where it stands, the others do.
"""

from __future__ import annotations

import hashlib
import os
import re
from datetime import UTC, datetime
from pathlib import Path

from alerts.delivery.mail import parts_of, slug
from alerts.delivery.steps import step
from alerts.errors import DeliveryError


def file_stem(desk: str, number: str, slot: datetime) -> str:
    """Name of a message's files without suffix: desk, number of the digest or name of the alert, and its time (UTC)."""
    name = desk
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", desk):
        name = f"{slug(desk)}-{hashlib.sha256(desk.encode()).hexdigest()[:8]}"
    return f"{name}-{number}-{slot.astimezone(UTC):%Y%m%dT%H%MZ}"


def write_files(folder: Path, stem: str, data: bytes) -> Path:
    """Write an edition's three files; the folder is made if it is not there.

    Args:
        folder: where to.
        stem: see `file_stem`.
        data: final bytes of the mail.

    Returns:
        Path of the .eml file.

    Raises:
        DeliveryError: the folder or a file cannot be written; temporary.
    """
    html, text = parts_of(data)
    contents = (
        (f"{stem}.txt", text.replace("\r\n", "\n").encode("utf-8")),
        (f"{stem}.html", html.replace("\r\n", "\n").encode("utf-8")),
        (f"{stem}.eml", data),
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents:
            write_file(folder / name, content)
        sync_folder(folder)
    except OSError as error:
        place = error.filename or folder
        raise DeliveryError(str(folder), f"cannot write {place}: {error.strerror}", permanent=False) from error
    return folder / f"{stem}.eml"


def write_file(path: Path, content: bytes) -> None:
    """Replace a file in one step, on the disk before it has its name."""
    # One fixed name, so that what a killed run left is written over; the run lock keeps a second writer away.
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        step("folder.temporary")
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    step("folder.renamed")


def sync_folder(folder: Path) -> None:
    """Make the renames last through a power cut, where folders can be opened."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
