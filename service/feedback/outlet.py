"""The ways out as this installation is configured."""

from functools import partial

from service.access.vault import Vault
from service.errors import Refused
from service.feedback.delivering import Outlet
from service.feedback.guarded_client import Guard, post
from service.settings import Settings


def vault_of(settings: Settings) -> Vault:
    """Give the vault that holds other people's secrets.

    Raises:
        Refused: Nothing is configured to lock them with.
    """
    if settings.secret_key is None:
        raise Refused("MUSTER_SECRET_KEY is not set; secrets are locked with it.")
    return Vault(settings.secret_key.get_secret_value())


def guard_of(settings: Settings) -> Guard:
    """Say where may be connected to."""
    return Guard(allow_private=settings.webhook_allow_private)


def outlet_of(settings: Settings) -> Outlet:
    """Give what sending webhooks needs."""
    return Outlet(vault_of(settings), partial(post, guard_of(settings)), settings.public_url or "")
