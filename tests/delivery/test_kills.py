"""The kill matrix: SIGKILL at every named step, then run again. Nothing is lost; twice only after the final dot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from alerts.delivery.steps import CHAT_STEPS, SITE_STEPS, STEPS, WEBHOOK_STEPS
from crawler.archive import Archive, open_archive
from tests.delivery.servers import Recorder
from tests.delivery.world import MINUTE, SLOT, configure, final_bytes, freeze, rows
from tests.delivery.zygote import Zygote, run_once

AFTER_THE_DOT = ("mail.dot", "mail.reply")
OTHER_ROUTES = SITE_STEPS + WEBHOOK_STEPS + CHAT_STEPS
DOUBTFUL = ("mail.doubt", *AFTER_THE_DOT)
AT_COMMITS = ("enqueue.inserted", "enqueue.done", "deliver.claimed", "mail.body", *DOUBTFUL, "deliver.recorded")
ONCE_A_RUN = ("enqueue.start", "enqueue.composed", "enqueue.done", "deliver.settled", "deliver.done", "mail.connected")


def passings(step: str, recipients: int) -> int:
    """How often a run passes a step that has `recipients` mails and one folder to deliver."""
    if step in ONCE_A_RUN or step == "folder.written":
        return 1
    if step.startswith("folder."):
        return 3
    return recipients if step.startswith("mail.") else recipients + 1


def matrix() -> Iterator[object]:
    """Every step, each of its passings, 1 to 3 recipients. Quick ones: the last passing, where recipients matter."""
    for step in STEPS:
        if step in OTHER_ROUTES:
            continue  # see test_kills_routes.py
        for recipients in (1, 2, 3):
            most = passings(step, recipients)
            for passing in range(1, most + 1):
                quick = passing == most and (recipients == 3 or most != passings(step, 3))
                marks = () if quick else (pytest.mark.heavy,)
                yield pytest.param(step, passing, recipients, id=f"{step}:{passing}-{recipients}", marks=marks)


@pytest.mark.parametrize(("step", "passing", "recipients"), list(matrix()))
def test_kill_on_sqlite(
    sqlite_url: str, tmp_path: Path, recorder: Recorder, zygote: Zygote, step: str, passing: int, recipients: int
) -> None:
    kill_and_recover(sqlite_url, tmp_path, recorder, zygote, f"{step}:{passing}", recipients)


@pytest.mark.parametrize("step", AT_COMMITS)
def test_kill_on_postgresql(postgres_url: str, tmp_path: Path, recorder: Recorder, zygote: Zygote, step: str) -> None:
    kill_and_recover(postgres_url, tmp_path, recorder, zygote, step, 2)


@pytest.mark.heavy
@pytest.mark.parametrize(("step", "passing", "recipients"), list(matrix()))
def test_kill_on_postgresql_in_full(
    postgres_url: str, tmp_path: Path, recorder: Recorder, zygote: Zygote, step: str, passing: int, recipients: int
) -> None:
    kill_and_recover(postgres_url, tmp_path, recorder, zygote, f"{step}:{passing}", recipients)


def kill_and_recover(url: str, folder: Path, recorder: Recorder, zygote: Zygote, kill_at: str, recipients: int) -> None:
    step = kill_at.partition(":")[0]
    targets = [f"{letter}@desk.example" for letter in "abc"[:recipients]]
    archive = open_archive(url)
    try:
        configuration = configure(folder / "config", recorder.port, mail=tuple(targets), folders=("out",))
        freeze(archive, configuration)
        assert zygote.run(url, folder / "config", SLOT, kill_at), f"{kill_at} was never passed"
        recorder.wait_until_idle()
        doubtful = [row["target"] for row in rows(archive) if row["state"] == "doubt"]
        assert len(doubtful) == (step in DOUBTFUL)
        # The next minute's run sends what is certain, the one after the wait settles the doubt, the last does nothing.
        for minutes in (1, 12, 24):
            run_once(archive, configuration, SLOT + minutes * MINUTE)
        recorder.wait_until_idle()
        check_deliveries(archive, recorder, targets, doubtful, twice=step in AFTER_THE_DOT)
        check_files(archive, folder / "config" / "out")
    finally:
        archive.close()


def check_deliveries(
    archive: Archive, recorder: Recorder, targets: list[str], doubtful: list[str], *, twice: bool
) -> None:
    found = rows(archive)
    assert sorted(row["target"] for row in found if row["route"] == "mail") == targets
    assert [row for row in found if row["state"] != "sent"] == []
    assert len({row["message_id"] for row in found}) == len(found)
    accepted = Counter(mail.recipients[0] for mail in recorder.accepted)
    assert accepted == {target: 2 if twice and target in doubtful else 1 for target in targets}
    assert {row["target"] for row in found if row["doubts"]} == set(doubtful)
    composed = {row["target"]: final_bytes(archive, row["id"]) for row in found}
    for mail in recorder.accepted:
        # The same bytes in every copy; the Message-ID is among them.
        assert mail.data == composed[mail.recipients[0]]


def check_files(archive: Archive, folder: Path) -> None:
    (row,) = [row for row in rows(archive) if row["route"] == "folder"]
    stem = "sudan-1-20260301T0700Z"
    assert sorted(path.name for path in folder.iterdir()) == [f"{stem}.eml", f"{stem}.html", f"{stem}.txt"]
    assert (folder / f"{stem}.eml").read_bytes() == final_bytes(archive, row["id"])
    assert "Sudan" in (folder / f"{stem}.html").read_text("utf-8")


def test_every_step_is_in_the_matrix() -> None:
    assert len(STEPS) == len(set(STEPS)) >= 15
