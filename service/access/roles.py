"""What each role may do. What is not listed here is not allowed."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, get_args

from service.errors import Forbidden


class Role(StrEnum):
    """Every key has one."""

    ADMIN = "admin"
    CERT = "cert"
    OWNER = "owner"
    UPLOADER = "uploader"
    READER = "reader"
    INTEGRATION = "integration"


#: An owner's `act_on_exposure` reaches the exposures of the own team only; see `Actor.acts_for`.
Permission = Literal[
    "upload",
    "read_answer",
    "read",
    "read_incidents",
    "read_changes",
    "claim_fix",
    "act_on_exposure",
    "set_links",
    "declare",
    "publish_advisory",
    "manage_products",
    "manage_teams",
    "manage_rules",
    "manage_webhooks",
    "read_audit",
    "erase",
    "manage_keys",
    "manage_settings",
]

EVERYTHING: frozenset[Permission] = frozenset(get_args(Permission))
_READING: frozenset[Permission] = frozenset({"read_answer", "read", "read_incidents", "read_changes"})

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.ADMIN: EVERYTHING,
    Role.CERT: EVERYTHING - {"manage_keys", "manage_settings", "erase"},
    Role.OWNER: _READING | {"act_on_exposure", "claim_fix", "set_links"},
    Role.UPLOADER: frozenset({"upload", "read_answer"}),
    Role.READER: _READING,
    Role.INTEGRATION: frozenset({"read_incidents", "read_changes", "set_links", "claim_fix"}),
}


#: Whose keys can be bound to products: what uploads to some, or follows some, needs no more.
BINDABLE = frozenset({Role.UPLOADER, Role.INTEGRATION})


@dataclass
class Origin:
    """Where a request comes from, for the record, and how many rows of the record it has left so far."""

    address: str | None = None
    request_id: str | None = None
    recorded: int = 0


@dataclass(frozen=True)
class Actor:
    """Who acts: a key's holder, or the service itself.

    `products` are the ids of the products that a bound key may touch; None = all. `key` is the key's public id.
    """

    name: str
    role: Role
    key_id: int | None = None
    team_id: int | None = None
    products: frozenset[int] | None = None
    key: str | None = None
    origin: Origin | None = field(default=None, compare=False, repr=False)

    def may(self, permission: Permission) -> bool:
        """Tell whether the role has *permission*."""
        return permission in PERMISSIONS[self.role]

    def require(self, permission: Permission) -> None:
        """Raise `Forbidden` unless the role has *permission*."""
        if not self.may(permission):
            raise Forbidden(f"This needs the permission {permission}, which the role {self.role} does not have.")

    def sees(self, product_id: int) -> bool:
        """Tell whether a product exists for this actor; doors answer 404 when it does not."""
        return self.products is None or product_id in self.products

    def acts_for(self, team_id: int) -> bool:
        """Tell whether this actor may decide on what *team_id* owns: its own team, or anyone's for CERT and admins."""
        return self.may("act_on_exposure") and (self.role is not Role.OWNER or self.team_id == team_id)


#: The service acting by itself: jobs, feeds, expiries.
SYSTEM = Actor("muster", Role.ADMIN)
#: Whoever sits at the machine itself and works on the database beside the server.
CONSOLE = Actor("command line", Role.ADMIN)
