"""settings.yaml: defaults, secrets, and what is said about mistakes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from alerts.options import Settings, SmtpOptions, load_settings
from crawler.errors import ConfigError
from crawler.options import CrawlerOptions


def load(folder: Path, text: str) -> tuple[Settings | None, list[str]]:
    (folder / "settings.yaml").write_text(text, encoding="utf-8")
    settings, problems = load_settings(folder)
    assert (settings is None) == bool(problems)
    return settings, [str(problem).replace(f"{folder}/", "") for problem in problems]


@pytest.mark.parametrize("text", ["crawler:\n", "crawler: {}\nalerts:\n", "alerts: {}\n"])
def test_everything_has_a_default(tmp_path: Path, text: str) -> None:
    settings, _ = load(tmp_path, text)
    assert settings == Settings()
    assert settings is not None
    assert settings.crawler.user_agent == "ceasewire/0.1"
    assert settings.alerts.smtp is None
    assert settings.alerts.domain == "localhost"


def test_what_is_given_is_taken(tmp_path: Path) -> None:
    settings, _ = load(
        tmp_path,
        "crawler:\n"
        "  contact: https://desk.example.org/about\n"
        "  allow_addresses: [127.0.0.0/8, '127.0.0.1:8001', '[::1]:80', '::1']\n"
        "  languages: [no, en]\n"
        "  robots: no\n"
        "  delay_seconds: 2\n"
        "alerts:\n"
        "  sender: {address: wire@desk.example.org, name: Вісник}\n"
        "  smtp:\n"
        "    host: mail.example.org\n"
        "    security: tls\n"
        "    user: wire\n"
        "    password_file: secrets/smtp\n",
    )
    assert settings is not None
    assert settings.crawler.user_agent == "ceasewire/0.1 (+https://desk.example.org/about)"
    assert settings.crawler.languages == ("no", "en")
    assert settings.crawler.robots is False
    assert settings.alerts.domain == "desk.example.org"
    assert settings.alerts.smtp is not None
    assert settings.alerts.smtp.port == 465
    assert settings.alerts.smtp.password_file == tmp_path / "secrets" / "smtp"


def test_passwords_come_from_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_variable = SmtpOptions(host="h", user="u", password_env="CEASEWIRE_TEST_SECRET")
    with pytest.raises(ConfigError, match="CEASEWIRE_TEST_SECRET is not set"):
        in_variable.password()
    monkeypatch.setenv("CEASEWIRE_TEST_SECRET", "hunter2")
    assert in_variable.password() == "hunter2"
    in_file = SmtpOptions(host="h", user="u", password_file=tmp_path / "secret")
    with pytest.raises(ConfigError, match="cannot be read"):
        in_file.password()
    (tmp_path / "secret").write_text(" hunter3 \nsecond line\n")
    assert in_file.password() == "hunter3"
    (tmp_path / "secret").write_bytes(b"\xff\xff")
    with pytest.raises(ConfigError, match="cannot be read"):
        in_file.password()
    (tmp_path / "secret").write_bytes(b"")
    assert in_file.password() == ""
    assert SmtpOptions(host="h").password() == ""


@pytest.mark.parametrize(
    ("text", "place", "code", "words"),
    [
        ("", "1:1", "empty", "the file holds nothing"),
        ("- crawler\n", "1:1", "model-type", "a mapping: lines `key: value`"),
        ("crawler: fast\n", "1:10", "model-type", "`fast` is not a mapping"),
        ("crawlr: {}\n", "1:1", "unknown-key", "did you mean `crawler`?"),
        ("delay_seconds: 1\n", "1:1", "unknown-key", "it belongs under `crawler:`"),
        ("smtp: {}\n", "1:1", "unknown-key", "it belongs under `alerts:`"),
        ("crawler:\n  delay: 1\n", "2:3", "unknown-key", "`delay_seconds`"),
        ("crawler:\n  delay_seconds: 1s\n", "2:18", "float-type", "write the number alone"),
        ("crawler:\n  delay_seconds: true\n", "2:18", "float-type", "`true` stands here"),
        ("crawler:\n  delay_seconds: -1\n", "2:18", "greater-than-equal", "at least 0"),
        ("crawler:\n  delay_seconds:\n", "2:3", "float-type", "nothing stands here"),
        ("crawler:\n  jitter: 10\n", "2:11", "less-than-equal", "at most 1"),
        ("crawler:\n  max_items: 2.5\n", "2:14", "int-type", "a whole number"),
        ("crawler:\n  concurrency: 0\n", "2:16", "greater-than-equal", "at least 1"),
        ("crawler:\n  robots: maybe\n", "2:11", "bool-parsing", "true or false"),
        ("crawler:\n  contact: 42\n", "2:12", "string-type", 'write it in quotes: "42"'),
        ("crawler:\n  languages: en\n", "2:14", "tuple-type", "write [en]"),
        ("crawler:\n  languages: []\n", "2:14", "too-short", "this is empty"),
        ("crawler:\n  languages: [en, ua]\n", "2:19", "invalid", "did you mean `uk`?"),
        ("crawler:\n  languages: [EN]\n", "2:15", "invalid", "did you mean `en`?"),
        ("crawler:\n  languages: [english]\n", "2:15", "invalid", "two letters of ISO 639-1"),
        ("crawler:\n  database: mysql://x\n", "2:13", "invalid", "no database that is known here"),
        ("crawler:\n  database: postgres://db/x\n", "2:13", "invalid", "did you mean postgresql://?"),
        ("crawler:\n  database: sqlite://x.db\n", "2:13", "invalid", "three slashes"),
        ("crawler:\n  database: wire.db\n", "2:13", "invalid", "sqlite:///FILE"),
        ("crawler:\n  user_agent: café\n", "2:18", "invalid", "ASCII"),
        ("crawler:\n  allow_addresses: [localhost]\n", "2:21", "invalid", "write 127.0.0.1 or ::1"),
        ("crawler:\n  allow_addresses: [127.0.0.1/8]\n", "2:21", "invalid", "bits must be zero"),
        ("crawler:\n  allow_addresses: ['127.0.0.1:0']\n", "2:21", "invalid", "address:port"),
        ("crawler:\n  min_interval_minutes: 90\n", "2:3", "invalid", "not in order"),
        ("alerts:\n  schedule: x\n", "2:3", "unknown-key", "desks/*.yaml"),
        ("alerts:\n  topics: [Civilian attack]\n", "2:12", "invalid", "did you mean `civilian_attack`?"),
        ("alerts:\n  resend: again\n", "2:11", "not-allowed", "one of resend, hold"),
        ("alerts:\n  resend: holt\n", "2:11", "not-allowed", "did you mean `hold`?"),
        ("alerts:\n  domain: a b\n", "2:11", "invalid", "such as example.org"),
        ("alerts:\n  sender: a@b.org\n", "2:11", "model-type", "a mapping"),
        ("alerts:\n  sender: {address: Desk <a@b.org>}\n", "2:21", "invalid", "write a@b.org alone"),
        ("alerts:\n  sender: {address: 'a@b.org, c@d.org'}\n", "2:21", "invalid", "several addresses are a list"),
        ("alerts:\n  archive_address: nobody\n", "2:20", "invalid", "no mail address"),
        ("alerts:\n  archive_address: bücher@example.org\n", "2:20", "invalid", "letters before the @"),
        ("alerts:\n  smtp: {}\n", "2:9", "missing", "`host` is missing"),
        ("alerts:\n  smtp:\n    host: h\n    hosts: h\n", "4:5", "unknown-key", "did you mean `host`?"),
        ("alerts:\n  smtp:\n    hots: h\n", "3:5", "unknown-key", "did you mean `host`?"),
        ("alerts:\n  smtp: {host: h, security: ssl}\n", "2:29", "not-allowed", "one of none, starttls, tls"),
        ("alerts:\n  smtp: {host: h, port: 70000}\n", "2:25", "less-than-equal", "at most 65535"),
        ("alerts:\n  smtp: {host: h, user: u}\n", "2:9", "missing", "password_env or password_file"),
        ("alerts:\n  smtp: {host: h, password_env: P}\n", "2:9", "missing", "without `user`"),
        (
            "alerts:\n  smtp: {host: h, user: u, password_env: P, password_file: f}\n",
            "2:9",
            "invalid",
            "the password has two places",
        ),
        (
            "alerts:\n  smtp: {host: h, user: u, password_env: P, security: none}\n",
            "2:9",
            "insecure",
            "would be sent in clear",
        ),
        ("alerts:\n  smtp: {host: h, timeout: 3}\n", "2:19", "unknown-key", "`timeout_seconds`"),
    ],
)
def test_what_is_wrong_and_where(tmp_path: Path, text: str, place: str, code: str, words: str) -> None:
    settings, problems = load(tmp_path, text)
    assert settings is None
    assert len(problems) == 1
    assert problems[0].startswith(f"settings.yaml:{place}: error: ")
    assert f"[{code}]" in problems[0]
    assert words in problems[0]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("alerts:\n  smtp:\n    host: h\n    user: u\n    password: hunter2\n", "5:5"),
        ("alerts:\n  smtp: {host: h, password: hunter2}\n", "2:19"),
        ("alerts:\n  smtp:\n    host: h\n    api_key: hunter2\n", "4:5"),
        ("crawler:\n  database: postgresql://u:hunter2@db/wire\n", "2:13"),
        ("crawler:\n  database: postgres://u:hunter2@db/wire\n", "2:13"),
        ("crawler:\n  database: postgresql://u:hunt@er2hunter2@db/wire\n", "2:13"),
        ("crawler:\n  database_env: hunter2-!\n", "2:17"),
        ("alerts:\n  smtp: {host: h, user: u, password_env: 'hunter2 !'}\n", "2:42"),
    ],
)
def test_a_secret_in_a_file_is_refused_and_not_repeated(tmp_path: Path, text: str, place: str) -> None:
    _, problems = load(tmp_path, text)
    secret = [problem for problem in problems if "[secret]" in problem]
    assert [problem.startswith(f"settings.yaml:{place}: error: ") for problem in secret] == [True]
    assert "hunter2" not in "".join(problems)


def test_the_hint_for_a_password_says_where_it_belongs(tmp_path: Path) -> None:
    _, problems = load(tmp_path, "alerts:\n  smtp: {host: h, password: x}\n")
    assert "`password_env`" in problems[0]
    assert "`password_file`" in problems[0]


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    _, problems = load(
        tmp_path, "crawler:\n  delay: 1\n  jitter: 3\n  jitter: 4\nalerts:\n  resend: x\n  smtp: {port: x}\n"
    )
    assert [problem.partition(": error")[0] for problem in problems] == [
        "settings.yaml:4:3",
        "settings.yaml:2:3",
        "settings.yaml:4:11",
        "settings.yaml:6:11",
        "settings.yaml:7:9",
        "settings.yaml:7:16",
    ]


def test_no_settings(tmp_path: Path) -> None:
    settings, problems = load_settings(tmp_path)
    assert settings is None
    assert "cannot be read" in problems[0].message


def test_the_user_agent_names_the_contact() -> None:
    assert CrawlerOptions(contact="mail@example.org").user_agent.endswith("(+mail@example.org)")
    assert CrawlerOptions(contact="mail@example.org", user_agent="mine").user_agent == "mine"


def test_reading_the_configuration_imports_nothing_heavy() -> None:
    code = (
        "import sys; from pathlib import Path; import alerts.options, alerts.deskfiles, crawler.sources;"
        "alerts.options.load_settings(Path('config')); crawler.sources.load_sources(Path('config/sources'));"
        "alerts.deskfiles.load_desks(Path('config/desks'));"
        "heavy = {'scrapy', 'twisted', 'sqlalchemy', 'trafilatura', 'apscheduler', 'feedparser', 'click', 'jinja2'};"
        "sys.exit(','.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    root = Path(__file__).parent.parent.parent
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
