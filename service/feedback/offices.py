"""The ways to people as this installation is configured: mail, teams' own addresses, chat rooms."""

from dataclasses import dataclass

from service.access.seals import Seals
from service.feedback.chat_client import is_there, send_chat
from service.feedback.composing import Desk
from service.feedback.guarded_client import Guard, post
from service.feedback.letters import one_line
from service.feedback.mail_client import Envelope, MailServer, mail_server, send_mail, write_mail
from service.feedback.outlet import guard_of
from service.feedback.posting import Post, body_for_rooms
from service.feedback.schedule import Reply
from service.settings import Settings


@dataclass(frozen=True)
class PostOffice:
    """Sends by mail where a server is configured, into chat rooms where apprise is there, and to teams' addresses."""

    guard: Guard
    server: MailServer | None = None
    chat: bool = False

    @property
    def channels(self) -> frozenset[str]:
        """The ways that are configured."""
        return frozenset({"webhook"} | ({"mail"} if self.server else set()) | ({"chat"} if self.chat else set()))

    def send(self, channel: str, post_: Post) -> Reply:
        """Send a letter, once."""
        if channel == "mail" and self.server is not None:
            return _mail(self.server, post_)
        if channel == "webhook":
            return post(self.guard, post_.to, body_for_rooms(post_.letter), {})
        if channel == "chat" and self.chat:
            return send_chat(self.guard, post_.to, post_.letter.subject, post_.letter.as_text())
        return Reply(None, f"{channel} is not configured any more")


def _mail(server: MailServer, post_: Post) -> Reply:
    envelope = Envelope(post_.to, post_.event_id, post_.earlier, post_.about, post_.at)
    try:
        mail = write_mail(server, post_.letter, envelope)
    except (
        ValueError,
        LookupError,
        AttributeError,
        TypeError,
    ) as error:  # the library stumbles
        return Reply(None, f"{one_line(post_.to)} is no address of mail: {error}")
    return send_mail(server, mail)


def office_of(settings: Settings) -> PostOffice:
    """Give what sending messages needs."""
    server = mail_server(settings.smtp_url.get_secret_value(), settings.smtp_from) if settings.smtp_url else None
    return PostOffice(guard_of(settings), server, is_there())


def desk_of(settings: Settings) -> Desk:
    """Give what writing messages needs."""
    secret = settings.secret_key.get_secret_value() if settings.secret_key else ""
    url = settings.public_url or f"http://{settings.host}:{settings.port}"
    return Desk(url.rstrip("/"), Seals(secret))
