"""Chat rooms through apprise, where it is installed (`muster[chat]`), and only by ways that lead to a chat room.

Apprise can do much more than chat: run programs, write to logs, call any address. So its schemes are allowed one by
one. Where the address names a host of its own, that is checked as a webhook's is.
"""

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final
from urllib.parse import urlsplit

import httpcore

from service.feedback.guarded_client import Guard
from service.feedback.schedule import Reply

#: Services that are where they are.
HOSTED: Final = frozenset({
    "discord", "gchat", "msteams", "opsgenie", "pagerduty", "pover", "pushover", "slack", "tgram", "webex", "workflow",
    "workflows", "wxteams", "zulip",
})  # fmt: skip
#: Servers of one's own, over TLS.
OWN: Final = frozenset({"matrixs", "mmosts", "nctalks", "ntfys", "rockets"})
#: The same without; as with webhooks, only where private addresses are allowed.
PLAIN: Final = frozenset({"matrix", "mmost", "nctalk", "ntfy", "rocket"})


def is_there() -> bool:
    """Tell whether messages can go into chat rooms."""
    return find_spec("apprise") is not None


def refusal_of(url: str, guard: Guard) -> str | None:
    """Say why nothing is sent to a chat address; None where it may be. Never repeats what is secret in it."""
    try:
        parts, port = urlsplit(url), urlsplit(url).port
    except ValueError:
        return "this is no address of a chat room"
    if parts.scheme in HOSTED:
        return None
    if parts.scheme not in OWN | PLAIN:
        return f"{parts.scheme}:// is not among the chat systems that are allowed"
    if parts.scheme in PLAIN and not guard.allow_private:
        return f"{parts.scheme}:// is not encrypted; use {parts.scheme}s://"
    try:
        guard.addresses(parts.hostname or "", port or 443)
    except httpcore.ConnectError as error:
        return str(error)
    return None


def send_chat(guard: Guard, url: str, subject: str, text: str) -> Reply:
    """Say something in a chat room, once."""
    if why := refusal_of(url, guard):
        return Reply(None, why)
    # Without its own pictures and name, which it would fetch and show.
    apprise = _apprise()
    room = apprise.Apprise(asset=apprise.AppriseAsset(app_id="muster", image_url_mask=None, image_url_logo=None))
    if not room.add(url):
        return Reply(None, f"apprise cannot read this {urlsplit(url).scheme}:// address")
    said = room.notify(body=text, title=subject, body_format="text")
    return Reply(200) if said else Reply(None, f"{urlsplit(url).scheme}:// did not take it")


@cache
def _apprise() -> Any:  # noqa: ANN401 - it is no dependency, so that its types are not there
    return import_module("apprise")
