"""The SMTP dialogue against real servers that follow a script, reply by reply."""

from __future__ import annotations

import base64
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from alerts.delivery.relay import Relay, RelayError, Security
from alerts.delivery.smtp import ConnectionLostError, Reply, Session, probe
from alerts.options import AlertsOptions
from tests.delivery.conftest import Authority
from tests.delivery.servers import CUT, SILENT, TAKE_AND_CUT, Recorder, ScriptedServer, scripted

SENDER = "wire@news.example"
DATA = b"Subject: one\r\n\r\n.dot\r\n..two\r\nend\r\n"


def relay(server: ScriptedServer | Recorder, **values: Any) -> Relay:
    return Relay(
        **{
            "host": "127.0.0.1",
            "port": server.port,
            "hello": "news.example",
            "security": Security.NONE,
            "timeout": 10,
            "dot_timeout": 10,
            **values,
        }
    )


def hurried(answer: object) -> dict[str, float]:
    """Short limits where the server will be silent; long ones elsewhere, for machines that are busy."""
    return {"timeout": 0.2, "dot_timeout": 0.2} if answer == SILENT else {}


@contextmanager
def talking(running: AbstractContextManager[ScriptedServer], **values: Any) -> Iterator[tuple[ScriptedServer, Session]]:
    """A scripted server and a session for it, not connected yet."""
    with running as server, Session(relay(server, **values)) as session:
        yield server, session


def send(session: Session, recipient: str = "a@desk.example", data: bytes = DATA) -> Reply:
    """A whole delivery: the refusal, or the answer to the dot."""
    session.connect()
    return session.offer(SENDER, recipient, data) or session.finish()


def test_a_mail_arrives_byte_for_byte_and_a_connection_carries_several() -> None:
    with scripted(features=("SIZE 1000",)) as server, Session(relay(server)) as session:
        for recipient in ("a@desk.example", "b@bücher.example"):
            assert send(session, recipient).code == 250
        session.quit()
    assert [mail.data for mail in server.accepted] == [DATA, DATA]
    assert [mail.recipients for mail in server.accepted] == [("a@desk.example",), ("b@xn--bcher-kva.example",)]
    assert server.connections == 1
    assert server.commands[:2] == ["EHLO news.example", f"MAIL FROM:<{SENDER}> SIZE={len(DATA)}"]
    assert server.commands[-1] == "QUIT"


def test_aiosmtpd_understands_us(recorder: Recorder) -> None:
    with Session(relay(recorder)) as session:
        assert send(session) == Reply(250, "recorded")
        session.quit()
    assert [mail.data for mail in recorder.accepted] == [DATA]


def test_without_the_dot_nothing_is_accepted() -> None:
    with scripted() as server:
        with Session(relay(server)) as session:
            session.connect()
            assert session.offer(SENDER, "a@desk.example", DATA) is None
        # Leaving closed the connection; the next one shows that the server has seen the end of it.
        with Session(relay(server)) as session:
            session.connect()
    assert server.accepted == []
    assert server.unfinished == [DATA]


@pytest.mark.parametrize("data", [b"no line end", b".", b"x\r\n" * 100_000, b"." * 500 + b"\r\n"])
def test_dots_line_ends_and_size_change_nothing(data: bytes) -> None:
    with scripted() as server, Session(relay(server)) as session:
        assert send(session, data=data).code == 250
    assert server.accepted[0].data == (data if data.endswith(b"\r\n") else data + b"\r\n")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ({"banner": "421 too busy"}, "greeting was answered with 421 too busy"),
        ({"banner": "554 go away"}, "greeting was answered with 554 go away"),
        ({"banner": "hello, this is no mail server"}, "no SMTP reply"),
        ({"banner": CUT}, "closed"),
        ({"banner": SILENT}, "timed out"),
        ({"answers": {"EHLO": "421 closing", "HELO": "250 ok"}}, "421 closing"),
        ({"answers": {"EHLO": "500 what?", "HELO": "500 what?"}}, "500 what?"),
        ({"banner": "220 " + "x" * 10_000}, "Line too long"),
    ],
)
def test_a_server_that_does_not_greet_is_relay_trouble(script: dict[str, Any], words: str) -> None:
    with talking(scripted(**script), **hurried(script.get("banner"))) as (_, session):
        with pytest.raises(RelayError, match=words) as caught:
            session.connect()
        assert not session.connected
        assert not caught.value.configuration


def test_an_old_server_is_greeted_with_helo() -> None:
    with scripted(answers={"EHLO": "502 unknown"}) as server, Session(relay(server)) as session:
        assert send(session).code == 250
    assert server.commands[1] == "HELO news.example"


def test_nobody_there_is_relay_trouble() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for host, words in (
        ("127.0.0.1", "refused"),
        ("no-such-host.invalid", "(?i)name"),
        ("x" * 70 + ".example", "label"),
    ):
        away = Session(Relay(host, port, "news.example", Security.NONE))
        with pytest.raises(RelayError, match=words) as caught:
            away.connect()
        assert not caught.value.configuration


@pytest.mark.parametrize(
    ("answers", "reply"),
    [
        ({"MAIL": "451 later"}, Reply(451, "later")),
        ({"MAIL": "552 too big"}, Reply(552, "too big")),
        ({"RCPT": "450 grey"}, Reply(450, "grey", of_recipient=True)),
        ({"RCPT": "550-no\r\n550 such user"}, Reply(550, "no such user", of_recipient=True)),
        ({"DATA": "451 not now"}, Reply(451, "not now")),
        ({"DOT": "552 too much"}, Reply(552, "too much")),
        ({"DOT": "452 disk full"}, Reply(452, "disk full")),
    ],
)
def test_a_refusal_is_of_this_mail_and_the_next_one_goes_through(answers: dict[str, str], reply: Reply) -> None:
    script = {verb: [answer, "354 go" if verb == "DATA" else "250 ok"] for verb, answer in answers.items()}
    with scripted(answers=script) as server, Session(relay(server)) as session:
        assert send(session) == reply
        assert send(session).code == 250
    assert len(server.accepted) == 1
    assert server.connections == 1


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ({"MAIL": "421 closing"}, 421),
        ({"RCPT": "421 closing"}, 421),
        ({"RCPT": "what?"}, -1),
        ({"DATA": "250 I do not know DATA"}, 250),
        ({"DATA": "\x1b[31mred"}, -1),
    ],
)
def test_an_answer_that_ends_the_dialogue_closes_the_connection(answers: dict[str, str], code: int) -> None:
    with scripted(answers=answers) as server, Session(relay(server)) as session:
        reply = send(session)
        assert reply.code == code
        assert reply.text.isprintable()
        assert not session.connected
    assert server.accepted == []
    assert server.unfinished == []


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("answer", [CUT, SILENT, "250 " + "x" * 10_000])
def test_lost_before_the_dot(verb: str, answer: str) -> None:
    with talking(scripted(answers={verb: answer}), **hurried(answer)) as (server, session):
        session.connect()
        with pytest.raises(ConnectionLostError):
            session.offer(SENDER, "a@desk.example", DATA)
        assert not session.connected
    assert server.accepted == []


@pytest.mark.parametrize("answer", [CUT, TAKE_AND_CUT, SILENT, "really?", "354 more", "999 odd"])
def test_lost_after_the_dot(answer: str) -> None:
    limits = {"dot_timeout": 0.2} if answer == SILENT else {}
    with talking(scripted(answers={"DOT": answer}), **limits) as (server, session):
        session.connect()
        assert session.offer(SENDER, "a@desk.example", DATA) is None
        with pytest.raises(ConnectionLostError):
            session.finish()
        assert not session.connected
    assert len(server.accepted) == (answer == TAKE_AND_CUT)


def test_421_at_the_dot_is_an_answer_and_the_last_one() -> None:
    with scripted(answers={"DOT": "421 shutting down"}) as server, Session(relay(server)) as session:
        assert send(session) == Reply(421, "shutting down")
        assert not session.connected
    assert server.accepted == []


@pytest.mark.parametrize("security", [Security.NONE, Security.STARTTLS])
def test_an_answer_before_the_dot_does_not_pass_for_an_acceptance(authority: Authority, security: Security) -> None:
    script: dict[str, Any] = {"answers": {"DATA": "354 go\r\n250 taken"}, "features": ("STARTTLS",)}
    with (
        scripted(**script, tls=authority.good) as server,
        Session(relay(server, security=security, ca_file=str(authority.file))) as session,
    ):
        session.connect()
        with pytest.raises(ConnectionLostError, match="before the mail was complete"):
            session.offer(SENDER, "a@desk.example", DATA)
    assert server.accepted == []


def test_a_connection_ended_between_two_mails_is_opened_again() -> None:
    for ending in ("421 enough for one connection", CUT):
        with talking(scripted(answers={"MAIL": ["250 ok", ending, "250 ok"]})) as (server, session):
            assert send(session).code == 250
            assert send(session).code == 250
        assert (len(server.accepted), server.connections) == (2, 2)


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"MAIL": "550 sender unknown"}, "takes no mails from wire@news.example: 550 sender unknown"),
        ({"MAIL": "530 log in first"}, "530 log in first"),
        ({"RCPT": "530 log in first"}, "wants a log-in"),
    ],
)
def test_what_is_wrong_with_every_mail_is_configuration(answers: dict[str, str], words: str) -> None:
    with scripted(answers=answers) as server, Session(relay(server)) as session:
        with pytest.raises(RelayError, match=words) as caught:
            send(session)
        assert caught.value.configuration


def test_the_archive_address_gets_the_mail_in_the_same_transaction() -> None:
    with scripted() as server, Session(relay(server)) as session:
        session.connect()
        assert session.offer(SENDER, "a@desk.example", DATA, copy_to="archive@news.example") is None
        assert session.finish().code == 250
    assert server.accepted[0].recipients == ("a@desk.example", "archive@news.example")
    refusing = {"RCPT": lambda line: "550 no" if "archive" in line else "250 ok"}
    with scripted(answers=refusing) as server, Session(relay(server)) as session:
        session.connect()
        with pytest.raises(RelayError, match=r"archive@news.example was refused: 550 no"):
            session.offer(SENDER, "a@desk.example", DATA, copy_to="archive@news.example")
    assert server.accepted == []


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_encrypted_with_a_certificate_that_is_verified(authority: Authority, security: Security) -> None:
    implicit = security is Security.TLS
    features = () if implicit else ("STARTTLS",)
    with scripted(tls=authority.good, implicit_tls=implicit, features=features) as server:
        for host in ("localhost", "127.0.0.1"):
            with Session(relay(server, host=host, security=security, ca_file=str(authority.file))) as session:
                assert send(session).code == 250
                session.quit()
    assert len(server.accepted) == 2
    if not implicit:
        assert server.commands[:4] == ["EHLO news.example", "STARTTLS", "EHLO news.example", f"MAIL FROM:<{SENDER}>"]


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_a_wrong_certificate_is_not_spoken_to(authority: Authority, security: Security) -> None:
    implicit = security is Security.TLS
    for tls, ca_file, words in (
        (authority.other, str(authority.file), "not valid for"),
        (authority.good, "", "unable to get local issuer|self.signed"),
    ):
        running = scripted(tls=tls, implicit_tls=implicit, features=("STARTTLS",))
        with talking(running, security=security, ca_file=ca_file) as (server, session):
            with pytest.raises(RelayError, match=words) as caught:
                session.connect()
            assert caught.value.configuration
        assert not any(command.startswith("MAIL") for command in server.commands)


def test_broken_starttls(authority: Authority) -> None:
    settings: dict[str, Any] = {"security": Security.STARTTLS, "ca_file": str(authority.file)}
    with scripted() as server, Session(relay(server, **settings)) as session:
        with pytest.raises(RelayError, match="does not offer STARTTLS") as caught:
            session.connect()
        assert caught.value.configuration
    for answer in ("454 not now", "250 no TLS for you", CUT):
        running = scripted(features=("STARTTLS",), answers={"STARTTLS": answer}, tls=authority.good)
        with talking(running, **settings) as (server, session), pytest.raises(RelayError):
            session.connect()
        assert "MAIL" not in " ".join(server.commands)
    # What somebody slipped in before the encryption began is forgotten: SIZE is not believed.
    slipped = {"STARTTLS": "220 go\r\n250-slipped in\r\n250 SIZE 1"}
    running = scripted(features=("STARTTLS",), answers=slipped, tls=authority.good)
    with talking(running, **settings) as (server, session):
        assert send(session).code == 250
    assert f"MAIL FROM:<{SENDER}>" in server.commands


def test_certificates_that_cannot_be_read(authority: Authority) -> None:
    with scripted(features=("STARTTLS",)) as server:
        settings: dict[str, Any] = {"security": Security.STARTTLS, "ca_file": str(authority.file) + ".missing"}
        with Session(relay(server, **settings)) as session, pytest.raises(RelayError, match="missing") as caught:
            session.connect()
        assert caught.value.configuration


def test_log_in(authority: Authority) -> None:
    settings: dict[str, Any] = {"security": Security.STARTTLS, "ca_file": str(authority.file), "user": "wire"}
    script: dict[str, Any] = {"features": ("STARTTLS", "AUTH PLAIN LOGIN"), "tls": authority.good}
    with scripted(**script) as server, Session(relay(server, **settings, password="geheim")) as session:
        assert send(session).code == 250
    said = base64.b64decode(next(line for line in server.commands if line.startswith("AUTH PLAIN")).split()[2])
    assert said == b"\0wire\0geheim"
    for answer, configuration in (("535 wrong password", True), ("454 user database is away", False), (CUT, False)):
        running = scripted(**script, answers={"AUTH": answer})
        with talking(running, **settings, password="geheim") as (_, session):
            with pytest.raises(RelayError) as caught:
                session.connect()
            assert caught.value.configuration is configuration
            assert "geheim" not in str(caught.value)
    for features, password in ((("STARTTLS",), "x"), (("STARTTLS", "AUTH ODD"), "x"), (script["features"], "пароль")):
        running = scripted(tls=authority.good, features=features)
        with talking(running, **settings, password=password) as (_, session):
            with pytest.raises(RelayError, match="cannot log in") as caught:
                session.connect()
            assert caught.value.configuration


def test_a_password_does_not_travel_in_the_clear() -> None:
    # Refused before anybody is asked for the address of that host.
    away = Relay("mail.invalid", 25, "news.example", Security.NONE, user="wire", password="geheim")
    with Session(away) as session, pytest.raises(RelayError, match="without encryption") as caught:
        session.connect()
    assert caught.value.configuration
    with talking(scripted(features=("AUTH PLAIN",)), user="wire", password="geheim") as (server, session):
        session.connect()
    assert any(line.startswith("AUTH") for line in server.commands)


def test_a_probe_says_what_was_reached_and_sends_nothing(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WIRE_PASSWORD", "geheim")
    smtp = {
        "host": "127.0.0.1",
        "security": "starttls",
        "ca_file": authority.file,
        "user": "wire",
        "password_env": "WIRE_PASSWORD",
    }
    with scripted(features=("STARTTLS", "AUTH PLAIN"), tls=authority.good) as server:
        options = AlertsOptions.model_validate({"smtp": {**smtp, "port": server.port}})
        assert probe(options) == f"127.0.0.1:{server.port} takes mails (starttls, logged in as wire)"
    assert [command.split()[0] for command in server.commands] == ["EHLO", "STARTTLS", "EHLO", "AUTH", "QUIT"]
    with scripted(features=("STARTTLS", "AUTH PLAIN"), tls=authority.good, answers={"AUTH": "535 no"}) as server:
        options = AlertsOptions.model_validate({"smtp": {**smtp, "port": server.port}})
        with pytest.raises(RelayError, match="log-in as wire was refused: 535 no"):
            probe(options)
    with pytest.raises(RelayError, match="none is configured"):
        probe(AlertsOptions.model_validate({}))
