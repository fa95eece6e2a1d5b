"""settings.yaml: its `alerts:` section, and the file as a whole."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from crawler.configfile import Section, fault, read_document, validate
from crawler.errors import ConfigError, Problem
from crawler.options import CrawlerOptions, VariableName

SETTINGS = "settings.yaml"
TOPICS = ("civilian_attack", "ceasefire")
_ADDRESS = re.compile(r"[^\s@<>(),;:\"\\\x00-\x1f\x7f]+@[^\s@<>(),;:\"\\\[\]\x00-\x1f\x7f]+")
_IN_BRACKETS = re.compile(r".*<([^<>]+)>\s*")
_DOMAIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*")
_TOPIC = re.compile(r"[a-z][a-z0-9_]*")
_PORTS = {"none": 25, "starttls": 587, "tls": 465}


def check_mail_address(address: str) -> str:
    """One mail address as it is, or a fault."""
    local, _, domain = address.rpartition("@")
    if not local.isascii():
        raise fault(f"`{address}` has letters before the @ that not every mail server takes", expected="ASCII there")
    if _ADDRESS.fullmatch(address) and len(local) <= 64 and ".." not in address and not domain.startswith("."):
        return address
    bracketed = _IN_BRACKETS.fullmatch(address)
    hint = f"write {bracketed[1]} alone" if bracketed and _ADDRESS.fullmatch(bracketed[1]) else ""
    hint = hint or ("several addresses are a list: [one, two]" if address.count("@") > 1 else "")
    raise fault(f"`{address}` is no mail address", expected="such as desk@example.org", hint=hint)


def _check_domain(domain: str) -> str:
    if domain and not _DOMAIN.fullmatch(domain):
        raise fault(f"`{domain}` is no domain", expected="such as example.org")
    return domain


def _check_topic(topic: str) -> str:
    if not _TOPIC.fullmatch(topic):
        close = re.sub(r"[^a-z0-9]+", "_", topic.lower()).strip("_")
        hint = f"did you mean `{close}`?" if _TOPIC.fullmatch(close) else ""
        raise fault(f"`{topic}` is no topic's name", expected="lower-case letters, digits and _", hint=hint)
    return topic


def _nothing_is_empty(value: Any) -> Any:
    # A section whose lines are all commented out.
    return {} if value is None else value


MailAddress = Annotated[str, AfterValidator(check_mail_address)]
Topic = Annotated[str, AfterValidator(_check_topic)]


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a secret is: an environment variable or the first line of a file; in neither, there is none."""

    variable: str = ""
    file: Path | None = None

    def read(self) -> str:
        """The secret, read from its place now; empty when it has none.

        Raises:
            ConfigError: the variable is not set, or the file cannot be read.
        """
        if self.variable:
            if self.variable not in os.environ:
                raise ConfigError([_secret(f"the environment variable {self.variable} is not set")])
            return os.environ[self.variable]
        if self.file is None:
            return ""
        try:
            lines = self.file.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError([_secret(f"{self.file} cannot be read: {error}")]) from error
        return lines[0].strip() if lines else ""


class Mailbox(Section):
    """Who a digest comes from."""

    address: MailAddress = Field("ceasewire@localhost", description="Its mail address.")
    name: str = Field("Ceasewire", description="The name shown beside it.")


class SmtpOptions(Section):
    """The mail server that takes digests."""

    not_here: ClassVar[dict[str, str]] = {
        "password": "a password stands in no file of the configuration: name the variable that holds it with "
        "`password_env`, or its file with `password_file`",
        "username": "did you mean `user`?",
        "timeout": "the unit is part of the name: `timeout_seconds`",
        "ssl": "write `security: tls`",
        "tls": "write `security: tls`",
        "starttls": "write `security: starttls`",
    }

    host: str = Field(min_length=1, description="Its name or address.")
    port: Annotated[int, Field(strict=True, ge=0, le=65_535)] = Field(
        0, description="0: 587 for starttls, 465 for tls, 25 without."
    )
    security: Literal["none", "starttls", "tls"] = Field(
        "starttls", description="`starttls` and `tls` check the server's certificate; `none` only on your own machine."
    )
    user: str = Field("", description="Empty: no login.")
    password_env: VariableName = Field("", description="Name of the environment variable that holds the password.")
    password_file: Path | None = Field(
        None, description="File whose first line is the password; relative to this folder."
    )
    ca_file: Path | None = Field(
        None, description="Certificates to trust instead of the system's; relative to this folder."
    )
    timeout_seconds: Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)] = Field(
        30.0, description="Time for one answer; the answer to a whole mail has at least ten minutes."
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        secrets = bool(self.password_env) + (self.password_file is not None)
        if secrets > 1:
            raise fault("the password has two places", expected="password_env or password_file")
        if self.user and not secrets:
            raise fault("`user` without a password", expected="password_env or password_file", code="missing")
        if secrets and not self.user:
            raise fault("a password without `user`", expected="the key `user`", code="missing")
        if self.user and self.security == "none" and self.host not in ("localhost", "127.0.0.1", "::1"):
            raise fault("a password would be sent in clear", expected="security: starttls or tls", code="insecure")
        if not self.port:
            # The model is final for everybody else; this completes it.
            object.__setattr__(self, "port", _PORTS[self.security])
        return self

    def password(self) -> str:
        """The password, read from its place now; empty without a user.

        Raises:
            ConfigError: the variable is not set, or the file cannot be read.
        """
        return Secret(self.password_env, self.password_file).read()


class MailboxOptions(Section):
    """The mailbox behind `archive_address`: asked by IMAP whether a mail in doubt has arrived after all."""

    not_here: ClassVar[dict[str, str]] = {
        "password": "a password stands in no file of the configuration: name the variable that holds it with "
        "`password_env`, or its file with `password_file`",
        "mailbox": "did you mean `folder`?",
    }

    host: str = Field(min_length=1, description="Name or address of the IMAP server.")
    port: Annotated[int, Field(strict=True, ge=0, le=65_535)] = Field(
        0, description="0: 993 for tls, 143 for starttls and none."
    )
    security: Literal["none", "starttls", "tls"] = Field("tls", description="`none` only on your own machine.")
    user: str = Field(min_length=1, description="The account that receives `archive_address`.")
    password_env: VariableName = Field("", description="Name of the environment variable that holds the password.")
    password_file: Path | None = Field(
        None, description="File whose first line is the password; relative to this folder."
    )
    ca_file: Path | None = Field(
        None, description="Certificates to trust instead of the system's; relative to this folder."
    )
    folder: str = Field("INBOX", min_length=1, description="Where mails to the archive address arrive.")
    timeout_seconds: Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)] = Field(
        30.0, description="Time for one answer."
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if bool(self.password_env) == (self.password_file is not None):
            message = "the password has two places" if self.password_env else "`user` without a password"
            code = "" if self.password_env else "missing"
            raise fault(message, expected="password_env or password_file", code=code)
        if self.security == "none" and self.host not in ("localhost", "127.0.0.1", "::1"):
            raise fault("a password would be sent in clear", expected="security: starttls or tls", code="insecure")
        if not self.port:
            object.__setattr__(self, "port", 993 if self.security == "tls" else 143)
        return self

    def secret(self) -> Secret:
        """Where the password is."""
        return Secret(self.password_env, self.password_file)


def _check_base(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise fault(f"`{url}` is no address of a site", expected="such as https://wire.example.org")
    return url.rstrip("/")


class WebOptions(Section):
    """The small web side of `serve --http`: readers judge stories and unsubscribe by links in their mails."""

    url: Annotated[str, AfterValidator(_check_base)] = Field(
        description="Address under which readers reach `serve --http`, usually through a web server with TLS."
    )
    secret_env: VariableName = Field("", description="Environment variable with the secret that signs readers' links.")
    secret_file: Path | None = Field(
        None, description="File whose first line is that secret, of 16 characters or more; relative to this folder."
    )

    @model_validator(mode="after")
    def _one_secret(self) -> Self:
        if bool(self.secret_env) == (self.secret_file is not None):
            message = "the secret has two places" if self.secret_env else "links without a secret"
            raise fault(message, expected="secret_env or secret_file", code="" if self.secret_env else "missing")
        return self

    def secret(self) -> Secret:
        """Where the secret is."""
        return Secret(self.secret_env, self.secret_file)


class AlertsOptions(Section):
    """What is told, and how it is sent."""

    not_here: ClassVar[dict[str, str]] = {"schedule": "a schedule belongs to a desk: desks/*.yaml"}

    topics: tuple[Topic, ...] = Field(TOPICS, min_length=1, description="What rules may be about.")
    sender: Mailbox = Field(default_factory=Mailbox, description="Who digests come from.")
    domain: Annotated[str, AfterValidator(_check_domain)] = Field(
        "", description="Right side of Message-IDs, and our name to mail servers. Empty: the sender's."
    )
    smtp: SmtpOptions | None = Field(None, description="The mail server. Desks with a mail route need one.")
    resend: Literal["resend", "hold"] = Field(
        "resend",
        description="What becomes of a mail whose acceptance was never confirmed: sent again after ten minutes with "
        "the same bytes and Message-ID, or held for an operator.",
    )
    archive_address: Annotated[str, AfterValidator(lambda text: text and check_mail_address(text))] = Field(
        "", description="Gets a copy in the same transaction as the reader, as proof; empty: none."
    )
    archive_mailbox: MailboxOptions | None = Field(
        None, description="The mailbox behind `archive_address`: it settles whether a mail in doubt has arrived."
    )
    unsubscribe: Annotated[str, AfterValidator(lambda text: text and check_mail_address(text))] = Field(
        "", description="Address that takes people off (List-Unsubscribe); empty: none is named."
    )
    web: WebOptions | None = Field(
        None, description="Links of readers back to us; without it, and while nothing answers there, mails have none."
    )
    byte_budget: Annotated[int, Field(strict=True, ge=20_000)] = Field(
        90_000, description="Largest HTML of a digest in bytes; mail clients clip above 102,000."
    )
    keep_texts_days: Annotated[int, Field(strict=True, ge=0, le=36_500)] = Field(
        0,
        description="Texts of articles that were never flagged, judged or sampled are cleared out after so many days; "
        "their titles and addresses stay. 0: kept for good.",
    )
    metrics_file: Path | None = Field(
        None,
        description="Metrics are written here after every run, for Prometheus's textfile collector (a name that ends "
        "in .prom); relative to this folder. None by default.",
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.archive_mailbox is not None and not self.archive_address:
            raise fault("an archive mailbox that no mail is sent to", expected="archive_address", code="missing")
        if not self.domain:
            object.__setattr__(self, "domain", self.sender.address.rpartition("@")[2])
        return self


class Settings(Section):
    """settings.yaml."""

    not_here: ClassVar[dict[str, str]] = {
        **dict.fromkeys(CrawlerOptions.model_fields, "it belongs under `crawler:`"),
        **dict.fromkeys(AlertsOptions.model_fields, "it belongs under `alerts:`"),
    }

    crawler: Annotated[CrawlerOptions, BeforeValidator(_nothing_is_empty)] = Field(
        default_factory=CrawlerOptions, description="How the web is asked, and where what it says is kept."
    )
    alerts: Annotated[AlertsOptions, BeforeValidator(_nothing_is_empty)] = Field(
        default_factory=AlertsOptions, description="What is told, and how it is sent."
    )


def load_settings(folder: Path) -> tuple[Settings | None, list[Problem]]:
    """Read settings.yaml of a configuration folder.

    Returns:
        The settings with file names made absolute, or None and what is wrong.
    """
    document, problems = read_document(folder / SETTINGS)
    if document is None:
        return None, problems
    settings, found = validate(document, Settings)
    problems += found
    if settings is None or problems:
        return None, problems
    return _rooted(settings, folder), problems


def _rooted(settings: Settings, folder: Path) -> Settings:
    """The settings with its file names made absolute; they are relative to the configuration folder."""
    metrics = settings.alerts.metrics_file
    root = folder.absolute()
    changes: dict[str, Any] = {"metrics_file": None if metrics is None else root / metrics}
    web = settings.alerts.web
    if web is not None and web.secret_file is not None:
        changes["web"] = web.model_copy(update={"secret_file": root / web.secret_file})
    for name in ("smtp", "archive_mailbox"):
        server: SmtpOptions | MailboxOptions | None = getattr(settings.alerts, name)
        if server is not None:
            paths = {"password_file": server.password_file, "ca_file": server.ca_file}
            found = {key: root / path for key, path in paths.items() if path is not None}
            changes[name] = server.model_copy(update=found)
    return settings.model_copy(update={"alerts": settings.alerts.model_copy(update=changes)})


def _secret(message: str) -> Problem:
    return Problem(SETTINGS, 0, 0, message, code="secret")
