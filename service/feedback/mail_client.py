"""Mail over SMTP: one connection for a message, encrypted where that is offered, and never a password in the clear."""

import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from functools import cache
from typing import Final, Literal
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

from service.errors import Refused
from service.feedback.letters import Letter, one_line
from service.feedback.schedule import Reply

_TIMEOUT_SECONDS: Final = 30.0
_PORTS = {"smtp": 25, "smtps": 465}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
Starttls = Literal["offered", "always", "never"]


@dataclass(frozen=True)
class MailServer:
    """Where mail goes out, and as whom. `starttls`: taken where it is offered, or always, or never."""

    host: str
    port: int
    sender: str
    encrypted: bool = False
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    starttls: Starttls = "offered"


@dataclass(frozen=True)
class Envelope:
    """Where a letter belongs.

    Args:
        to: An address of mail.
        event_id: Its own id; the same each time it is tried.
        earlier: Ids of what the same recipient was told of the same incident, the first one first.
        about: The incident, for filters in mailboxes.
        at: When it is sent.
    """

    to: str
    event_id: UUID
    earlier: Sequence[UUID]
    about: str | None
    at: datetime


def mail_server(url: str, sender: str) -> MailServer:
    """Read ``smtp://user:password@host:587?starttls=always`` or ``smtps://host``.

    Raises:
        Refused: It is neither.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Refused(f"MUSTER_SMTP_URL: {error}.") from error
    starttls = parse_qs(parts.query).get("starttls", ["offered"])[-1]
    if parts.scheme not in _PORTS or not parts.hostname or starttls not in ("offered", "always", "never"):
        raise Refused(
            "MUSTER_SMTP_URL is smtp://user:password@host:port or smtps://…, and may end in ?starttls=always or never."
        )
    return MailServer(
        parts.hostname,
        port or _PORTS[parts.scheme],
        sender,
        encrypted=parts.scheme == "smtps",
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        starttls=starttls,  # type: ignore[arg-type]  # one of the three
    )


def write_mail(server: MailServer, letter: Letter, envelope: Envelope) -> EmailMessage:
    """Write a letter as mail. What went out earlier of the same incident is its thread."""
    domain = server.sender.rpartition("@")[2]
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = server.sender, envelope.to, one_line(letter.subject)
    mail["Date"] = format_datetime(envelope.at)
    mail["Message-ID"] = _message_id(envelope.event_id, domain)
    if envelope.earlier:
        mail["In-Reply-To"] = _message_id(envelope.earlier[-1], domain)
        mail["References"] = " ".join(_message_id(one, domain) for one in envelope.earlier)
    if envelope.about:
        mail["X-Muster-Incident"] = envelope.about
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(letter.as_text())
    mail.add_alternative(letter.as_html(), subtype="html")
    return mail


def send_mail(server: MailServer, mail: EmailMessage) -> Reply:
    """Hand a mail over, once; gives the server's word for it, whatever goes wrong."""
    try:
        with _connect(server) as connection:
            connection.send_message(mail)
    except smtplib.SMTPRecipientsRefused as error:
        code, words = next(iter(error.recipients.values()))
        return Reply(code, _words(words))
    except smtplib.SMTPAuthenticationError as error:
        # Ours to repair: no reason to give the letter up.
        return Reply(None, f"the mail server refuses us: {error.smtp_code} {_words(error.smtp_error)}")
    except smtplib.SMTPResponseException as error:
        return Reply(error.smtp_code, _words(error.smtp_error))
    except (OSError, smtplib.SMTPException, ValueError, UnicodeError) as error:
        return Reply(None, f"{server.host}:{server.port}: {error or type(error).__name__}")
    return Reply(250)


def _connect(server: MailServer) -> smtplib.SMTP:
    if server.encrypted:
        connection: smtplib.SMTP = smtplib.SMTP_SSL(
            server.host, server.port, timeout=_TIMEOUT_SECONDS, context=_trust()
        )
    else:
        connection = smtplib.SMTP(server.host, server.port, timeout=_TIMEOUT_SECONDS)
    try:
        _enter(connection, server)
    except BaseException:
        connection.close()
        raise
    return connection


def _enter(connection: smtplib.SMTP, server: MailServer) -> None:
    connection.ehlo()
    is_encrypted = server.encrypted
    if not is_encrypted and server.starttls != "never":
        if connection.has_extn("starttls"):
            connection.starttls(context=_trust())
            connection.ehlo()
            is_encrypted = True
        elif server.starttls == "always":
            raise smtplib.SMTPException("it does not offer STARTTLS, and starttls=always is set")
    if server.user is None:
        return
    if not is_encrypted and server.host not in _LOOPBACK:
        raise smtplib.SMTPException("it offers no encryption, and the password is not sent in the clear")
    connection.login(server.user, server.password or "")


@cache
def _trust() -> ssl.SSLContext:
    """Read the machine's certificates once: that takes longer than to send a mail."""
    return ssl.create_default_context()


def _message_id(event_id: UUID, domain: str) -> str:
    return f"<{event_id}@{domain}>"


def _words(said: bytes | str) -> str:
    return one_line(said.decode("utf-8", "replace") if isinstance(said, bytes) else said)
