"""The bytes of a mail: valid, 7-bit, the same each time, and what goes in comes out."""

from __future__ import annotations

import email
from dataclasses import replace
from datetime import UTC, datetime
from email import policy
from email.header import decode_header, make_header
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.delivery.mail import Letter, build, header_text, message_id, parts_of, wire_address, wire_domain
from alerts.errors import DeliveryError

SLOT = datetime(2026, 3, 1, 7, tzinfo=UTC)
LETTER = Letter(
    desk="sudan",
    title="Sudan desk",
    message_id=message_id("sudan", SLOT, "mail", "a@desk.example", "news.example"),
    domain="news.example",
    sender="wire@news.example",
    sender_name="Ceasewire",
    recipient="a@desk.example",
    subject="[sudan] 1 critical: Hospital hit (#1)",
    html="<p>Hospital hit</p>\n",
    text="Hospital hit\n",
    date=SLOT,
)


def read(data: bytes) -> EmailMessage:
    message = email.message_from_bytes(data, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def test_headers() -> None:
    message = read(build(replace(LETTER, unsubscribe="off@news.example")))
    assert {name: str(value) for name, value in message.items()} == {
        "Message-ID": LETTER.message_id,
        "Date": "Sun, 01 Mar 2026 07:00:00 +0000",
        "From": "Ceasewire <wire@news.example>",
        "To": "a@desk.example",
        "Subject": "[sudan] 1 critical: Hospital hit (#1)",
        "List-Id": '"Sudan desk" <sudan.news.example>',
        "List-Unsubscribe": "<mailto:off@news.example?subject=unsubscribe>",
        "Auto-Submitted": "auto-generated",
        "MIME-Version": "1.0",
        "Content-Type": message["Content-Type"],
    }
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert "List-Unsubscribe" not in read(build(LETTER))


def test_a_folder_has_readers_without_an_address() -> None:
    message = read(build(replace(LETTER, recipient="", title="Desk; «Sudan»")))
    assert str(make_header(decode_header(str(message["To"])))) == '"Desk; «Sudan»":;'
    assert message["List-Id"] == "<sudan.news.example>"


def test_the_same_letter_gives_the_same_bytes() -> None:
    assert build(LETTER) == build(replace(LETTER))
    assert b"2026-03-01" not in build(LETTER)


def test_message_ids_differ_by_desk_slot_route_and_target_only() -> None:
    places = [
        ("sudan", SLOT, "mail", "a@desk.example"),
        ("gaza", SLOT, "mail", "a@desk.example"),
        ("sudan", SLOT.replace(hour=8), "mail", "a@desk.example"),
        ("sudan", SLOT, "folder", "a@desk.example"),
        ("sudan", SLOT, "mail", "b@desk.example"),
        ("s" * 80, SLOT, "mail", "a@desk.example"),
        ("s" * 81, SLOT, "mail", "a@desk.example"),
    ]
    ids = [message_id(*place, domain="news.example") for place in places]
    assert len(set(ids)) == len(ids)
    assert ids == [message_id(*place, domain="NEWS.example") for place in places]
    assert ids[0].startswith("<sudan.20260301T0700Z.")
    assert ids[0].endswith("@news.example>")
    assert max(map(len, ids)) <= 100


def test_each_part_has_the_shorter_encoding() -> None:
    message = read(build(replace(LETTER, text="Plain words. " * 20, html="<p>Удар по больнице</p>" * 20)))
    text, html = message.iter_parts()
    assert text["Content-Transfer-Encoding"] == "quoted-printable"
    assert html["Content-Transfer-Encoding"] == "base64"


@pytest.mark.parametrize(
    "evil",
    ["x\r\nBcc: all@desk.example", "x\nBcc: y", "x\u2028Bcc: y", "x\u2029y", "x\x85y", "x\x00y", "x\x0b\x0cy", "x\ry"],
)
def test_a_headline_cannot_write_headers(evil: str) -> None:
    data = build(replace(LETTER, subject=evil, title=evil, sender_name=evil, recipient=""))
    message = read(data)
    assert "Bcc" not in message
    assert len(message.keys()) == len(read(build(LETTER)).keys())
    assert message["Subject"] == header_text(evil)
    assert parts_of(data) == parts_of(build(LETTER))


def test_direction_marks_are_left_out_of_subjects_and_joiners_kept() -> None:
    assert header_text("a\u202eb\u2066c") == "abc"
    assert header_text("می\u200cخواهم \ud800") == "می\u200cخواهم \ufffd"
    assert len(header_text("x" * 1000)) == 400


AS_IT_IS = policy.Compat32(linesep="\r\n", mangle_from_=False, max_line_length=None)
UNUSUAL = st.text(st.characters() | st.sampled_from(list('\r\n\u2028=?_ "\\<>@,;:()éЖעل中🎉')), max_size=300)


@settings(deadline=None)
@given(UNUSUAL, UNUSUAL, UNUSUAL)
def test_any_text_makes_a_valid_mail_that_reads_back(subject: str, name: str, body: str) -> None:
    data = build(
        replace(LETTER, subject=subject, sender_name=name, title=name, recipient="", html=body + "\n", text=body + "\n")
    )
    data.decode("ascii")
    lines = data.split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert not any(b"\r" in line or b"\n" in line for line in lines)
    assert lines[-1] == b""
    raw = email.message_from_bytes(data, policy=AS_IT_IS)
    # The body is put together by hand: it must be what the email package would have written.
    assert raw.as_bytes() == data
    assert str(make_header(decode_header(raw["Subject"].replace("\r\n", "")))) == header_text(subject)
    read_back = read(data)
    assert read_back["From"].addresses[0].addr_spec == "wire@news.example"
    assert read_back.defects == []
    expected = (body + "\n").replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace").decode()
    assert [part.replace("\r\n", "\n") for part in parts_of(data)] == [expected, expected]


def test_addresses() -> None:
    assert wire_address("A.b+c@Bücher.Example") == "A.b+c@xn--bcher-kva.example"
    assert wire_address("a@[127.0.0.1]") == "a@[127.0.0.1]"
    assert wire_domain("my_host.local") == "my_host.local"
    for wrong in ("", "a", "@b.example", "ä@b.example", "a b@c.example", "a@b@c.example", "a@", "a@b\r\nc", "a@<x>",
                  "a@[x]", ".a@b.example", "a>@b.example"):  # fmt: skip
        with pytest.raises(DeliveryError) as caught:
            wire_address(wrong)
        assert caught.value.permanent
