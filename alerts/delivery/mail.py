"""Builds the final bytes of a mail: pure, and the same bytes for the same letter.

The bytes are 7-bit with CRLF line ends and lines under 998 bytes, so that every mail server takes them as they are.
"""

from __future__ import annotations

import base64
import hashlib
import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy, quoprimime
from email.header import Header
from email.message import Message
from email.utils import format_datetime
from functools import lru_cache

import idna

from alerts.errors import DeliveryError

# What is to be folded is folded here: an id or link must stand on the line of its header's name.
_POLICY = policy.Compat32(linesep="\r\n", mangle_from_=False, max_line_length=None)
_SUBJECT_LIMIT = 400
_NAME_LIMIT = 100
_LONGEST_WORD = 60
_PACKED_LINE = 57
"""Bytes that base64 puts on a line."""
# Controls that turn the writing direction of what follows: a headline must not reorder the subject around it.
_DIRECTION_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail is made of.

    Attributes:
        desk: id of the desk, for List-Id.
        title: the desk's title.
        message_id: with angle brackets.
        domain: ours, for List-Id.
        sender: address the mail comes from.
        sender_name: its display name; may be empty.
        recipient: address; empty for a folder.
        subject, html, text: as rendered; any character.
        date: aware; written as UTC.
        unsubscribe: address that takes people off; empty when there is none.
        unsubscribe_url: link that does so with one click; empty when there is none.
        references: id of the thread this mail belongs to, with angle brackets; empty for a mail that stands alone.
    """

    desk: str
    title: str
    message_id: str
    domain: str
    sender: str
    sender_name: str
    recipient: str
    subject: str
    html: str
    text: str
    date: datetime
    unsubscribe: str = ""
    unsubscribe_url: str = ""
    references: str = ""


def message_id(desk: str, slot: datetime, route: str, target: str, domain: str) -> str:
    """The Message-ID of one desk's edition for one target, with angle brackets: the same however often it is made."""
    when = slot.astimezone(UTC).strftime("%Y%m%dT%H%MZ")
    digest = hashlib.sha256(f"{desk}\0{when}\0{route}\0{target}".encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"<{slug(desk)}.{when}.{digest}@{wire_domain(domain)}>"


def slug(name: str) -> str:
    """`name` as it may stand in file names and ids: letters, digits and hyphens of ASCII, at most 32."""
    return re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-")[:32].strip("-") or "desk"


def header_text(raw: str, limit: int = _SUBJECT_LIMIT) -> str:
    """`raw` as it may stand in a header: one line, no control characters, at most `limit` characters."""
    kept = ("" if letter in _DIRECTION_CONTROLS else _header_letter(letter) for letter in raw)
    line = " ".join("".join(kept).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _header_letter(letter: str) -> str:
    # Line and paragraph separators break lines like CR and LF do; Cs are lone surrogates.
    match unicodedata.category(letter):
        case "Cc" | "Zl" | "Zp" | "Zs":
            return " "
        case "Cs":
            return "\N{REPLACEMENT CHARACTER}"
    return letter


def wire_domain(domain: str) -> str:
    """A domain as it travels: ASCII, internationalised names in IDNA.

    Raises:
        DeliveryError: it is none; permanent.
    """
    if domain.startswith("["):
        if re.fullmatch(r"\[[0-9A-Fa-f.:IPv]+\]", domain):
            return domain
        raise DeliveryError(domain, "no usable address literal", permanent=True)
    try:
        return idna.encode(domain, uts46=True, transitional=False).decode("ascii")
    except idna.IDNAError:
        pass
    if re.fullmatch(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9])?", domain):
        return domain.lower()
    raise DeliveryError(domain, "no usable domain name", permanent=True)


def wire_address(address: str) -> str:
    """An address as it travels in SMTP commands and headers.

    Raises:
        DeliveryError: it cannot be used; permanent. A name before the @ outside ASCII would need SMTPUTF8 of every
            server on the way, and is refused here rather than by the last of them.
    """
    local, at, domain = address.rpartition("@")
    if not at or not _LOCAL_PART.fullmatch(local):
        reason = "no usable address: only ASCII letters, digits and .!#$%&'*+/=?^_`{|}~- may stand before the @"
        raise DeliveryError(address, reason, permanent=True)
    return f"{local}@{wire_domain(domain)}"


def build(letter: Letter) -> bytes:
    """The final bytes of a letter: headers, then the text and the HTML as alternatives.

    Raises:
        DeliveryError: an address or the domain cannot be used; permanent.
    """
    title = header_text(letter.title, _NAME_LIMIT)
    message = Message(policy=_POLICY)
    message["Message-ID"] = letter.message_id
    message["Date"] = format_datetime(letter.date.astimezone(UTC))
    message["From"] = _mailbox(letter.sender, letter.sender_name)
    # A folder has no address; an empty group names the readers and is valid where an address is asked for.
    message["To"] = wire_address(letter.recipient) if letter.recipient else f"{_phrase(title or letter.desk)}:;"
    message["Subject"] = _encoded(header_text(letter.subject), "Subject")
    if letter.references:
        message["References"] = letter.references
    message["List-Id"] = _list_id(title, f"{slug(letter.desk)}.{wire_domain(letter.domain)}")
    # RFC 8058: the link acts on POST only; the mail program's button sends exactly that.
    ways = [f"<{letter.unsubscribe_url}>"] if letter.unsubscribe_url else []
    if letter.unsubscribe:
        ways.append(f"<mailto:{wire_address(letter.unsubscribe)}?subject=unsubscribe>")
    if ways:
        message["List-Unsubscribe"] = ",\n ".join(ways)
    if letter.unsubscribe_url:
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message["Auto-Submitted"] = "auto-generated"
    message["MIME-Version"] = "1.0"
    # "=_" can stand neither in quoted-printable nor in base64, so this boundary never meets the content.
    boundary = "=_" + hashlib.sha256(letter.message_id.encode()).hexdigest()[:32]
    message["Content-Type"] = f'multipart/alternative; boundary="{boundary}"'
    # Put together here, because the email package writes a body line by line: most of what a mail would cost.
    line = f"--{boundary}".encode()
    parts = [_part("plain", letter.text), _part("html", letter.html)]
    body = b"".join(b"%b\r\n%b\r\n" % (line, part) for part in parts)
    message.set_payload("")
    return message.as_bytes() + body + line + b"--\r\n"


def parts_of(data: bytes) -> tuple[str, str]:
    """HTML and text of final bytes, as a reader's program would show them."""
    message = message_from_bytes(data, policy=policy.default)
    contents = []
    for kind in ("html", "plain"):
        part = message.get_body(preferencelist=(kind,))
        assert part is not None, kind
        contents.append(str(part.get_content()))
    return contents[0], contents[1]


def _mailbox(address: str, name: str) -> str:
    known = header_text(name, _NAME_LIMIT)
    return f"{_phrase(known)} <{wire_address(address)}>" if known else wire_address(address)


def _phrase(name: str) -> str:
    if _is_plain(name):
        return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return _encoded(name, "From")


def _encoded(line: str, header: str) -> str:
    # The modern policies of the email package fold by their parser and put blanks into names that are long; the
    # older Header splits at characters, and what it gives is read back as it was.
    return Header(line, "us-ascii" if _is_plain(line) else "utf-8", header_name=header).encode(linesep="\n")


def _is_plain(line: str) -> bool:
    # "=?" would be read as an encoded word, and only blanks give a place to fold.
    return line.isascii() and "=?" not in line and all(len(word) <= _LONGEST_WORD for word in line.split())


def _list_id(title: str, identifier: str) -> str:
    # The phrase is optional, and encoded words beside the id confuse filters: no ASCII title, no phrase.
    phrase = re.sub(r'[\\"<>]', "", title) if title.isascii() else ""
    return f'"{phrase}" <{identifier}>' if phrase else f"<{identifier}>"


@lru_cache(maxsize=8)
def _part(subtype: str, content: str) -> bytes:
    """One alternative in the shorter of both encodings: Cyrillic doubles in quoted-printable.

    A digest is the same for all its readers, unless it has links of their own.
    """
    raw = content.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace")
    encoding, body = "quoted-printable", "\n".join(map(_quoted, raw.decode("latin-1").split("\n")))
    size = len(raw) + raw.count(b"\n")
    if len(body) > 4 * -(-size // 3) + -(-size // _PACKED_LINE):
        encoding, body = "base64", base64.encodebytes(raw.replace(b"\n", b"\r\n")).decode("ascii")
    head = f'Content-Type: text/{subtype}; charset="utf-8"\nContent-Transfer-Encoding: {encoding}\n\n'
    return (head + body).replace("\n", "\r\n").encode("ascii")


@lru_cache(maxsize=8192)
def _quoted(line: str) -> str:
    """A line in quoted-printable. Of mails with links of their readers few lines differ."""
    return quoprimime.body_encode(line)
