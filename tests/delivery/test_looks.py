"""The look of a desk's messages when their deliveries are made, and the record of looks that failed."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from pathlib import Path

import pytest

from alerts.configuration import Configuration, load_configuration
from alerts.delivery import enqueue
from alerts.delivery.mail import parts_of
from alerts.digests import make_digests
from alerts.ledger.template_failures import TemplateFailure, template_failures
from crawler.archive import Archive
from tests.delivery.world import MINUTE, SLOT, configure_routes, final_bytes, freeze, rows

DIGEST = '{% extends "ceasewire/digest.html.j2" %}\n'


def dressed(folder: Path, text: str) -> Configuration:
    """A desk with a mail and a site route, in a template of this text."""
    configure_routes(folder, [{"mail": ["a@desk.example"]}, {"site": "www"}])
    desk = folder / "desks" / "sudan.yaml"
    desk.write_text(json.dumps({**json.loads(desk.read_text()), "template": "bulletin"}))
    (folder / "templates" / "bulletin").mkdir(parents=True, exist_ok=True)
    (folder / "templates" / "bulletin" / "digest.html.j2").write_text(DIGEST + text)
    return load_configuration(folder)


def failures(archive: Archive) -> list[TemplateFailure]:
    with archive.read() as connection:
        return template_failures(connection)


def mailed(archive: Archive) -> list[str]:
    return [parts_of(final_bytes(archive, row["id"]))[0] for row in rows(archive) if row["route"] == "mail"]


def test_a_failure_is_recorded_until_the_look_works_again(
    archive: Archive, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = dressed(tmp_path, "{% block head %}{{ nothing }}{% endblock %}")
    freeze(archive, broken, slots=2)
    with caplog.at_level(logging.ERROR):
        assert enqueue(archive, broken, SLOT + MINUTE) == 4
    assert len(caplog.records) == 2
    (failure,) = failures(archive)
    assert (failure.desk, failure.kind, failure.template) == ("sudan", "digest", "bulletin")
    assert failure.message == "digest sudan #2"
    assert failure.fault.startswith(f"{tmp_path}/templates/bulletin/digest.html.j2:2:20: `nothing` is not known here")
    assert all("template bulletin failed" in page for page in mailed(archive))
    # The next one fails too: it is one failure that goes on.
    later = SLOT + timedelta(hours=1)
    assert make_digests(archive, broken, later)
    enqueue(archive, broken, later + MINUTE)
    (again,) = failures(archive)
    assert (again.since, again.at, again.message) == (SLOT + MINUTE, later + MINUTE, "digest sudan #3")
    mended = dressed(tmp_path, "{% block head %}our head{% endblock %}")
    assert make_digests(archive, mended, later + timedelta(hours=1))
    assert enqueue(archive, mended, later + timedelta(hours=1)) == 2
    assert failures(archive) == []
    assert ["our head" in page for page in mailed(archive)] == [False, False, False, True]


def test_a_look_that_fails_on_the_sites_page_alone_is_told_too(sqlite_archive: Archive, tmp_path: Path) -> None:
    configuration = dressed(
        tmp_path, "{% block head %}our head {% if budget > 1000000 %}{{ nothing }}{% endif %}{% endblock %}"
    )
    freeze(sqlite_archive, configuration)
    assert enqueue(sqlite_archive, configuration, SLOT + MINUTE) == 2
    assert "our head" in mailed(sqlite_archive)[0]
    (failure,) = failures(sqlite_archive)
    assert "`nothing` is not known here" in failure.fault


def test_a_template_that_is_gone_keeps_nothing_back(sqlite_archive: Archive, tmp_path: Path) -> None:
    dressed(tmp_path, "")
    (tmp_path / "templates" / "bulletin").rename(tmp_path / "templates" / "buletin")
    gone = load_configuration(tmp_path)
    assert ("unknown-template", True) in [(problem.code, problem.warning) for problem in gone.problems]
    freeze(sqlite_archive, gone)
    assert enqueue(sqlite_archive, gone, SLOT + MINUTE) == 2
    assert "there is no template `bulletin`" in failures(sqlite_archive)[0].fault
