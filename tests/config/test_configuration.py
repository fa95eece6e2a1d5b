"""A whole configuration folder: all mistakes of all files at once, or the good part of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from alerts.configuration import Configuration, load_configuration
from crawler.errors import ConfigError, Problem

CONFIG = Path(__file__).parent.parent.parent / "config"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small good configuration."""
    for part in ("sources", "rules", "lists", "desks"):
        (tmp_path / part).mkdir()
    files = {
        "settings.yaml": "crawler:\n  database: sqlite:///var/wire.sqlite\n",
        "sources/a.yaml": "- id: nrk\n  name: NRK\n  languages: [no]\n  channels: [{feed: 'https://nrk.example/'}]\n",
        "rules/truce.yaml": "id: truce\ntitle: T\ntopic: ceasefire\nstage: agreed\nclass: event\nseverity: low\n"
        "find: '@truce'\ncases:\n  flags: [A truce was agreed.]\n",
        "rules/pause.yaml": "id: pause\ntitle: P\ntopic: ceasefire\nstage: agreed\nclass: event\nseverity: low\n"
        "find: pause\ncases:\n  flags: [A pause was agreed.]\n",
        "lists/truce.yaml": "en: [truce]\ndefault: [truce]\n",
        "desks/one.yaml": "id: one\ntitle: One\nschedule: 0 7 * * *\nzone: UTC\nrules: [truce]\nsources: [nrk]\n"
        "routes: [{folder: var/outbox}]\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def problems_of(folder: Path) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        load_configuration(folder)
    return [problem for problem in caught.value.problems if not problem.warning]


def test_a_good_one(folder: Path) -> None:
    configuration = load_configuration(folder)
    assert configuration.problems == ()
    assert [source.id for source in configuration.sources] == ["nrk"]
    assert sorted(rule.id for rule in configuration.rule_set.rules) == ["pause", "truce"]
    assert [desk.id for desk in configuration.desks] == ["one"]
    assert configuration.broken_rules == ()


def test_the_database_is_relative_to_the_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    configuration = load_configuration(Path(folder.name))
    assert configuration.database_url == f"sqlite:///{folder}/var/wire.sqlite"
    change(folder / "settings.yaml", "sqlite:///var/wire.sqlite", f"sqlite:///{folder}/else.sqlite")
    assert load_configuration(folder).database_url == f"sqlite:///{folder}/else.sqlite"
    change(folder / "settings.yaml", f"sqlite:///{folder}/else.sqlite", "postgresql://wire@db/wire")
    assert load_configuration(folder).database_url == "postgresql://wire@db/wire"


def test_the_database_may_come_from_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change(folder / "settings.yaml", "database: sqlite:///var/wire.sqlite", "database_env: CEASEWIRE_TEST_DATABASE")
    monkeypatch.delenv("CEASEWIRE_TEST_DATABASE", raising=False)
    configuration = load_configuration(folder)
    with pytest.raises(ConfigError, match="CEASEWIRE_TEST_DATABASE is not set"):
        _ = configuration.database_url
    monkeypatch.setenv("CEASEWIRE_TEST_DATABASE", "postgresql://wire:secret@db/wire")
    assert configuration.database_url == "postgresql://wire:secret@db/wire"


def test_all_mistakes_of_all_files_at_once(folder: Path) -> None:
    change(folder / "settings.yaml", "database", "databse")
    change(folder / "sources/a.yaml", "languages: [no]", "languages: [xx]")
    change(folder / "rules/truce.yaml", "'@truce'", "'@truse'")
    change(folder / "lists/truce.yaml", "en: [truce]", "en: truce")
    change(folder / "desks/one.yaml", "zone: UTC", "zone: CET")
    found = problems_of(folder)
    assert {str(Path(problem.file).relative_to(folder)) for problem in found} == {
        "settings.yaml",
        "sources/a.yaml",
        "rules/truce.yaml",
        "lists/truce.yaml",
        "desks/one.yaml",
    }
    assert all(problem.line and problem.column and problem.source_line for problem in found)


def test_skip_broken_goes_on_without_what_is_broken(folder: Path) -> None:
    change(folder / "rules/truce.yaml", "'@truce'", "'@truce AND ('")
    assert {Path(problem.file).name for problem in problems_of(folder)} == {"truce.yaml"}
    configuration = load_configuration(folder, skip_broken=True)
    assert [rule.id for rule in configuration.rule_set.rules] == ["pause"]
    assert configuration.broken_rules == ("truce",)
    assert [desk.id for desk in configuration.desks] == ["one"], "a desk may name a rule that is broken"
    assert [Path(problem.file).name for problem in configuration.problems if not problem.warning] == ["truce.yaml"]


def test_skip_broken_with_a_broken_list(folder: Path) -> None:
    (folder / "lists/truce.yaml").write_text("en: [truce\n", encoding="utf-8")
    configuration = load_configuration(folder, skip_broken=True)
    assert [rule.id for rule in configuration.rule_set.rules] == ["pause"]
    assert configuration.broken_rules == ("truce",)


def test_skip_broken_with_broken_sources_and_desks(folder: Path) -> None:
    change(folder / "sources/a.yaml", "languages: [no]", "languages: [xx]")
    (folder / "desks/two.yaml").write_text("id: two\n", encoding="utf-8")
    configuration = load_configuration(folder, skip_broken=True)
    assert configuration.sources == ()
    assert [desk.id for desk in configuration.desks] == ["one"], "a desk may name a source that is broken"
    assert configuration.broken_rules == ()


def test_wrong_settings_always_stop(folder: Path) -> None:
    change(folder / "settings.yaml", "database", "databse")
    with pytest.raises(ConfigError) as caught:
        load_configuration(folder, skip_broken=True)
    assert caught.value.line == 2
    (folder / "settings.yaml").unlink()
    with pytest.raises(ConfigError, match="cannot be read"):
        load_configuration(folder, skip_broken=True)


def test_a_desk_that_names_what_is_not_there(folder: Path) -> None:
    change(folder / "desks/one.yaml", "[truce]", "[trucce]")
    change(folder / "desks/one.yaml", "[nrk]", "[nrx]")
    assert [problem.hint for problem in problems_of(folder)] == ["did you mean `truce`?", "did you mean `nrk`?"]


def test_a_mail_route_without_a_mail_server(folder: Path) -> None:
    change(folder / "desks/one.yaml", "{folder: var/outbox}", "{mail: [a@b.org]}")
    assert [problem.code for problem in problems_of(folder)] == ["no-mail-server"]
    (folder / "settings.yaml").write_text("alerts:\n  smtp: {host: mail.example.org}\n", encoding="utf-8")
    assert load_configuration(folder).desks[0].routes[0].kind == "mail"


def test_files_that_nobody_reads_are_named(folder: Path) -> None:
    (folder / "setings.yaml").write_text("x: 1\n", encoding="utf-8")
    (folder / "desk").mkdir()
    (folder / "desk" / "two.yaml").write_text("id: two\n", encoding="utf-8")
    (folder / "var").mkdir()
    warnings = load_configuration(folder).problems
    assert {(Path(problem.file).name, problem.hint) for problem in warnings} == {
        ("setings.yaml", "did you mean settings.yaml?"),
        ("desk", "did you mean desks/?"),
    }
    assert all(problem.warning for problem in warnings)


def test_the_shipped_configuration() -> None:
    configuration = load_configuration(CONFIG)
    assert isinstance(configuration, Configuration)
    assert [problem for problem in configuration.problems if not problem.warning] == []
    (desk,) = configuration.desks
    assert [route.kind for route in desk.routes] == ["folder"]
    assert desk.schedule == "0 7,17 * * *"
    assert len(configuration.rule_set.rules) == len(list((CONFIG / "rules").glob("*.yaml")))


def test_a_copy_of_it_works_elsewhere(tmp_path: Path) -> None:
    shutil.copytree(CONFIG, tmp_path / "wire", ignore=shutil.ignore_patterns("var"))
    assert load_configuration(tmp_path / "wire").database_url.startswith(f"sqlite:///{tmp_path}/wire/")
