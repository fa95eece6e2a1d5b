"""When are two URLs the same article? Pure.

`url_key` is strict: equal keys are one article. `url_alias` is loose: equal aliases are worth a second look (a
canonical link, JSON-LD or the text has to confirm). `clean_link` makes a fetchable URL of whatever a document says.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import quote, urljoin

LONGEST_URL = 8_192
"""Characters. Longer links are refused: no browser follows them, and log and database lines suffer."""
LONGEST_KEY = 2_000
"""Characters. PostgreSQL refuses index entries over 2,704 bytes, so longer keys keep the host and a hash."""
_DEFAULT_PORTS = {"http": 80, "https": 443}

# Control characters, bidi controls and the byte order mark are never part of a URL; the joiners of Persian slugs are.
_NEVER = re.compile("[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\u2028\u2029]")
_NUMERIC_ENTITY = re.compile(r"&#(?:x([0-9a-fA-F]{1,6})|([0-9]{1,7}));")
_HTTP = re.compile(r"(https?):[/\\]*(.*)", re.IGNORECASE | re.DOTALL)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_PORT = re.compile(r"[0-9]{1,5}")
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}|%|[^%]+")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_PATH_SAFE = "/:@!$&'()*+,;="
_QUERY_SAFE = "/:@!$'()*+,;?="
_FRAGMENT_SAFE = "/:@!$&'()*+,;?="
_SESSION_IN_PATH = re.compile(r";(?:jsessionid|phpsessid)=[^/;]*", re.IGNORECASE)
_AMPERSANDS = re.compile(r"^(?:amp;)+", re.IGNORECASE)
_PHONE_LABELS = frozenset({"www", "www2", "www3", "m", "mobile", "amp", "wap"})
_PHONE_ENDINGS = re.compile(r"(?:/amp|\.amp|/index\.(?:html?|php|aspx?))$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Parts:
    """An http(s) URL taken apart. `host` is lower-case ASCII, `port` None when it is the scheme's own."""

    scheme: str
    host: str
    port: int | None
    path: str
    query: str | None
    fragment: str

    @property
    def site(self) -> str:
        """Scheme, host and port."""
        return f"{self.scheme}://{self.host}" + (f":{self.port}" if self.port is not None else "")


def url_key(url: str) -> str:
    """The canonical form of a URL: two URLs with equal keys are one article.

    Host in lower case and IDNA, no default port, no credentials, dot segments resolved, escapes in one spelling,
    tracking parameters dropped (crawler/tracking_parameters.txt), the rest sorted by name, the fragment dropped unless
    it begins with ``!``. The case of the path is kept.

    Args:
        url: any text. What is no http(s) URL is its own key, without surrounding space and control characters.

    Returns:
        At most `LONGEST_KEY` ASCII-or-as-given characters. ``url_key(url_key(x)) == url_key(x)``.
    """
    url = _without_controls(url)
    parts = _split(url)
    if parts is None:
        return url if len(url) <= LONGEST_KEY else f"~sha256/{_digest(url)}"
    path = _resolved(_SESSION_IN_PATH.sub("", _spelt(parts.path, _PATH_SAFE))) or "/"
    key = parts.site + path
    if parts.query and (query := _query_key(parts.query, parts.host)):
        key += "?" + query
    if parts.fragment.startswith("!") and len(parts.fragment) > 1:
        key += "#" + _spelt(parts.fragment, _FRAGMENT_SAFE)
    return key if len(key) <= LONGEST_KEY else f"{parts.site}/~sha256/{_digest(key)}"


def url_alias(url: str) -> str:
    """A looser form that only proposes equality.

    As `url_key`, and without scheme, ``www.``, ``m.``, ``amp.`` and the like, AMP endings, index file, doubled and
    trailing slashes and the whole fragment.
    """
    key = url_key(url)
    parts = _split(key)
    if parts is None:
        return key
    labels = parts.host.split(".")
    while len(labels) > 2 and labels[0] in _PHONE_LABELS:
        labels.pop(0)
    path = re.sub("/{2,}", "/", parts.path).rstrip("/")
    while (shorter := _PHONE_ENDINGS.sub("", path).rstrip("/")) != path:
        path = shorter
    port = f":{parts.port}" if parts.port is not None else ""
    return ".".join(labels) + port + path + (f"?{parts.query}" if parts.query else "")


def host_slot(url: str) -> str:
    """``host:port`` of an http(s) URL, with the scheme's own port written out; empty if it is none.

    The unit of politeness: one request at a time and one hold for each.
    """
    parts = _split(_without_controls(url))
    if parts is None:
        return ""
    return f"{parts.host}:{parts.port if parts.port is not None else _DEFAULT_PORTS[parts.scheme]}"


def clean_link(raw: str, base: str = "") -> str:
    """An absolute http(s) URL that can be fetched, or an empty string.

    Control characters and credentials are removed, double-escaped ampersands undone, host in IDNA, characters that no
    URL may hold escaped; path, parameters and fragment stay otherwise as they are.

    Args:
        raw: a link as a document gives it, perhaps relative, perhaps hostile (``javascript:``, ``java&#9;script:``).
        base: URL of the document, for relative links.
    """
    link = _without_controls(_NUMERIC_ENTITY.sub(_entity, raw).replace("&amp;", "&"))
    if not link or len(link) > LONGEST_URL:
        return ""
    if not _HTTP.match(link):
        if _SCHEME.match(link) or not base:
            return ""
        try:
            link = urljoin(base, link.replace("\\", "/"))
        except ValueError:
            return ""
    parts = _split(link)
    if parts is None:
        return ""
    url = parts.site + (_kept(parts.path, _PATH_SAFE) or "/")
    if parts.query:
        url += "?" + _kept(parts.query, _QUERY_SAFE + "&")
    if parts.fragment:
        url += "#" + _kept(parts.fragment, _FRAGMENT_SAFE)
    return url if len(url) <= LONGEST_URL else ""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _without_controls(url: str) -> str:
    return _NEVER.sub("", url).strip()


def _entity(match: re.Match[str]) -> str:
    number = int(match[1], 16) if match[1] else int(match[2])
    return chr(number) if number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF else ""


def _split(url: str) -> _Parts | None:
    """The parts of an http(s) URL as browsers see it (any number of slashes, backslashes too); None for others."""
    match = _HTTP.fullmatch(url)
    if match is None:
        return None
    scheme, rest = match[1].lower(), match[2]
    rest, hash_mark, fragment = rest.partition("#")
    rest, mark, query = rest.partition("?")
    authority, slash, path = rest.replace("\\", "/").partition("/")
    host, port = _host_and_port(authority.rpartition("@")[2])
    if host is None or port == 0 or (port is not None and port > 65_535):
        return None
    if port == _DEFAULT_PORTS[scheme]:
        port = None
    return _Parts(scheme, host, port, slash + path, query if mark else None, fragment if hash_mark else "")


def _host_and_port(authority: str) -> tuple[str | None, int | None]:
    if authority.startswith("["):
        literal, closed, tail = authority[1:].partition("]")
        host = _ipv6_host(literal) if closed else None
        colon, port = tail[:1], tail[1:]
    else:
        name, colon, port = authority.partition(":")
        host = _ascii_host(name)
    if colon not in ("", ":") or (port and not (port.isascii() and _PORT.fullmatch(port))):
        return None, None
    return host, int(port) if port else None


def _ipv6_host(literal: str) -> str | None:
    try:
        return f"[{ipaddress.IPv6Address(literal).compressed}]" if "%" not in literal else None
    except ValueError:
        return None


def _ascii_host(name: str) -> str | None:
    """Lower case, IDNA 2008 with the mapping that browsers do, without the root's dot; None if it is no host."""
    if not name.isascii():
        import idna  # 20 ms that most runs never need

        try:
            name = idna.encode(name, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            return None
    name = name.lower().removesuffix(".")
    return name if _HOST.fullmatch(name) and len(name) <= 253 else None


def _spelt(text: str, safe: str) -> str:
    """Escapes in one spelling: unreserved characters plain, all others as upper-case ``%XX`` where not `safe`."""
    return "".join(_piece(piece, safe, decode=True) for piece in _ESCAPE.findall(text))


def _kept(text: str, safe: str) -> str:
    """Text with its escapes as they are, and escaped what no URL may hold."""
    return "".join(_piece(piece, safe, decode=False) for piece in _ESCAPE.findall(text))


def _piece(piece: str, safe: str, *, decode: bool) -> str:
    if piece == "%":  # a stray one; left alone it could join with a decoded digit and change meaning at the next turn
        return "%25"
    if piece[0] != "%":
        return quote(piece, safe=safe + "~", errors="surrogatepass")
    if not decode:
        return piece
    letter = chr(int(piece[1:], 16))
    return letter if letter in _UNRESERVED else piece.upper()


def _resolved(path: str) -> str:
    """The path without ``.`` and ``..`` segments."""
    if "/." not in path:
        return path
    done: list[str] = []
    segments = path.split("/")[1:]
    for index, segment in enumerate(segments):
        last = index == len(segments) - 1
        if segment == "..":
            if done:
                done.pop()
            if last:
                done.append("")
        elif segment != ".":
            done.append(segment)
        elif last:
            done.append("")
    return "/" + "/".join(done)


def _query_key(query: str, host: str) -> str:
    pairs: list[tuple[str, str]] = []
    for part in query.split("&"):
        # Feeds that escape twice give `&amp;`, which splits into a name that begins with `amp;`.
        pair = _AMPERSANDS.sub("", _spelt(part.replace("%20", "+").replace(" ", "+"), _QUERY_SAFE + ";"))
        name = pair.partition("=")[0]
        if pair and not _is_tracking(pair, host):
            pairs.append((name, pair))
    # By name only: the order of equal names can carry meaning.
    pairs.sort(key=lambda item: item[0])
    return "&".join(pair for _, pair in pairs)


@dataclass(frozen=True, slots=True)
class _Tracking:
    names: frozenset[str]
    prefixes: tuple[str, ...]
    pairs: frozenset[str]
    of_hosts: dict[str, frozenset[str]]


@cache
def _tracking() -> _Tracking:
    names: set[str] = set()
    prefixes: list[str] = []
    of_hosts: dict[str, set[str]] = {}
    for line in (Path(__file__).parent / "tracking_parameters.txt").read_text("utf-8").splitlines():
        pattern = line.partition("#")[0].strip().lower()
        host, colon, name = pattern.partition(": ")
        if colon:
            of_hosts.setdefault(host, set()).add(name)
        elif pattern.endswith("*"):
            prefixes.append(pattern[:-1])
        elif pattern:
            names.add(pattern)
    pairs = frozenset(name for name in names if "=" in name)
    return _Tracking(frozenset(names - pairs), tuple(prefixes), pairs, {h: frozenset(n) for h, n in of_hosts.items()})


def _is_tracking(pair: str, host: str) -> bool:
    known = _tracking()
    pair = pair.lower()
    name = pair.partition("=")[0]
    if name in known.names or pair in known.pairs or name.startswith(known.prefixes):
        return True
    labels = host.split(".")
    sites = (".".join(labels[start:]) for start in range(len(labels)))
    return any(name in known.of_hosts[site] or pair in known.of_hosts[site] for site in sites if site in known.of_hosts)
