"""Ways out of a desk: mail, a folder, a static site, a signed webhook, a chat. What a desk's file says of them."""

from __future__ import annotations

import importlib.util
import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from alerts.options import MailAddress, Secret
from crawler.configfile import Identifier, Section, fault
from crawler.options import VariableName

KINDS = ("mail", "folder", "site", "webhook", "chat")


@dataclass(frozen=True, slots=True)
class MailRoute:
    """Mail to some addresses; each gets a delivery of its own."""

    to: tuple[str, ...]
    kind: Literal["mail"] = "mail"

    @property
    def targets(self) -> tuple[str, ...]:
        """What a delivery row calls each place this route leads to."""
        return self.to


@dataclass(frozen=True, slots=True)
class FolderRoute:
    """Files in a folder (absolute)."""

    folder: Path
    kind: Literal["folder"] = "folder"

    @property
    def targets(self) -> tuple[str, ...]:
        """The folder."""
        return (str(self.folder),)


@dataclass(frozen=True, slots=True)
class SiteRoute:
    """A folder (absolute) that holds every digest as pages with indexes, an Atom feed and JSON.

    `url` is where a web server shows it, without a slash at its end; empty if none does.
    """

    folder: Path
    url: str = ""
    kind: Literal["site"] = "site"

    @property
    def targets(self) -> tuple[str, ...]:
        """The folder; a delivery to it is no delivery to a `folder` route of the same name."""
        return (f"site:{self.folder}",)


@dataclass(frozen=True, slots=True)
class WebhookRoute:
    """JSON, signed, by POST to a URL."""

    url: str
    secret: Secret
    kind: Literal["webhook"] = "webhook"

    @property
    def targets(self) -> tuple[str, ...]:
        """The URL."""
        return (self.url,)


@dataclass(frozen=True, slots=True)
class ChatRoute:
    """A short message through a service that Apprise knows. Its address is a secret, so it goes by a name."""

    name: str
    url: Secret
    kind: Literal["chat"] = "chat"

    @property
    def targets(self) -> tuple[str, ...]:
        """The name."""
        return (self.name,)


Route = MailRoute | FolderRoute | SiteRoute | WebhookRoute | ChatRoute


def can_chat() -> bool:
    """Whether the extra `ceasewire[chat]` is installed."""
    return importlib.util.find_spec("apprise") is not None


def _check_webhook(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise fault(f"`{url}` is no web address", expected="such as https://desk.example.org/ceasewire")
    if parts.username or parts.password:
        raise fault("a password stands in no file of the configuration", hint="the receiver knows us by the signature")
    if parts.scheme == "http" and not _is_near(parts.hostname):
        raise fault("readers' mail would cross the network in clear", expected="https", code="insecure")
    return url


def _check_site_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise fault(f"`{url}` is no address of a site", expected="such as https://www.example.org/digests")
    if parts.username or parts.password:
        raise fault("the address would be mailed with its password to every reader", expected="an address without one")
    return url.rstrip("/")


def _is_near(host: str) -> bool:
    """This machine or its private network."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        # A name without a dot is one of the own network.
        return "." not in host


class RouteSection(Section):
    """One way out: exactly one of `mail`, `folder`, `site`, `webhook` and `chat`."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [kind]} for kind in KINDS]})

    not_here: ClassVar[dict[str, str]] = {
        "email": "did you mean `mail`?",
        "to": "write `mail: [desk@example.org]`",
        "kind": "write `mail: [desk@example.org]` or `folder: var/outbox`",
        "url": "write `webhook: https://...`, or `chat: NAME` with `url_env: VARIABLE`",
        "secret": "a secret stands in no file of the configuration: name its variable with `secret_env`, or its file "
        "with `secret_file`",
        "slack": "write `chat: NAME` and `url_env: VARIABLE`; the variable holds Apprise's URL of the service",
        "telegram": "write `chat: NAME` and `url_env: VARIABLE`; the variable holds Apprise's URL of the service",
    }

    mail: tuple[MailAddress, ...] | None = Field(
        None, min_length=1, description="Addresses; each gets a mail of its own and sees no other."
    )
    folder: str | None = Field(
        None, min_length=1, description="Folder for .eml, .html and .txt; relative to the configuration folder."
    )
    site: str | None = Field(
        None,
        min_length=1,
        description="Folder for a static site: every digest with an index by date, an Atom feed and JSON of the "
        "stories; opens from disk or behind any web server. Several desks may share it. Relative to the configuration "
        "folder.",
    )
    site_url: Annotated[str, AfterValidator(_check_site_url)] | None = Field(
        None,
        description="Of a site: its address, if a web server shows the folder. Mails then link to their digest's page, "
        "which holds every story.",
    )
    webhook: Annotated[str, AfterValidator(_check_webhook)] | None = Field(
        None, description="URL that gets every digest as signed JSON by POST (standardwebhooks.com)."
    )
    secret_env: VariableName = Field("", description="Of a webhook: environment variable with the signing secret.")
    secret_file: Path | None = Field(
        None, description="Of a webhook: file with the signing secret; relative to the configuration folder."
    )
    chat: Identifier | None = Field(
        None, description="Name under which this chat is listed; needs the extra `ceasewire[chat]`.", examples=["team"]
    )
    url_env: VariableName = Field(
        "", description="Of a chat: environment variable with its Apprise URL, such as slack://.. or tgram://.."
    )
    url_file: Path | None = Field(
        None, description="Of a chat: file with its Apprise URL; relative to the configuration folder."
    )

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Self:
        kinds = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(kinds) != 1:
            message = "a route is of one kind" if kinds else "the route leads nowhere"
            raise fault(message, expected=f"exactly one of {', '.join(KINDS)}", code="route-kind")
        if self.site_url is not None and self.site is None:
            raise fault("`site_url` belongs to a site", expected="`site:`, the folder that is shown there")
        for kind, word in (("webhook", "secret"), ("chat", "url")):
            places = bool(getattr(self, f"{word}_env")) + (getattr(self, f"{word}_file") is not None)
            if kinds[0] == kind and places != 1:
                message = f"a {kind} without its {word}" if not places else f"the {word} has two places"
                raise fault(message, expected=f"{word}_env or {word}_file", code="missing" if not places else "")
            if kinds[0] != kind and places:
                raise fault(f"`{word}_env` and `{word}_file` belong to a {kind}", expected=f"`{kind}:`")
        return self

    def route(self, folder: Path) -> Route:
        """The route as delivery uses it; `folder` is the configuration folder."""
        root = folder.absolute()
        if self.mail is not None:
            return MailRoute(self.mail)
        if self.webhook is not None:
            return WebhookRoute(self.webhook, Secret(self.secret_env, _under(root, self.secret_file)))
        if self.chat is not None:
            return ChatRoute(self.chat, Secret(self.url_env, _under(root, self.url_file)))
        if self.site is not None:
            return SiteRoute(root / self.site, self.site_url or "")
        return FolderRoute(root / str(self.folder))


def _under(root: Path, path: Path | None) -> Path | None:
    return None if path is None else root / path
