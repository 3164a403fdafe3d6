"""``/v1/ticket-systems``: Jira, GitHub, GitLab and ServiceNow, kept in step by us."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import Field, SecretStr

from service.access import audit
from service.access.vault import Vault
from service.api.deps import Configured, CurrentActor, Now, Primary, Read, Write, may
from service.api.problems import problems
from service.api.schemas import Answer, Body
from service.db import reading
from service.errors import Refused, UpstreamUnavailable
from service.feedback.tickets import systems
from service.feedback.tickets.models import TicketSystem
from service.feedback.tickets.systems import connecting, find_system, list_systems, put_system

router = APIRouter(prefix="/v1/ticket-systems", tags=["ticket systems"])

Name = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9._-]{0,49}$", description="the `system` of links")]
Kind = Literal["jira", "github", "gitlab", "servicenow"]
Priority = Literal["act", "attend", "track*", "track"]


class WantedIn(Body):
    """Which exposures get a ticket; an empty list means any."""

    priorities: list[Priority] = Field(["act", "attend"], max_length=4)
    teams: list[str] = Field([], max_length=500)
    products: list[str] = Field([], max_length=500)
    baseline: bool = Field(False, description="also what was there on a product's first day")
    restricted: bool = Field(
        False, description="also what is under embargo: whoever reads this system's tickets will know of it"
    )


class TicketSystemIn(Body):
    """How to reach a ticket system."""

    kind: Kind
    url: str = Field(max_length=2000, description="of its API", examples=["https://example.atlassian.net"])
    place: str = Field(
        max_length=200, description="a project's key or path, OWNER/REPOSITORY, a table", examples=["SEC"]
    )
    login: str | None = Field(None, max_length=200, description="user for whom secret is the password or token")
    secret: SecretStr | None = Field(None, description="token or password; kept locked, never shown; absent: as it is")
    options: dict[str, Any] = Field(
        {},
        description="jira: issue_type, priorities; github: labels; gitlab: labels, confidential; "
        "servicenow: states, fields",
    )
    wanted: WantedIn = Field(default_factory=lambda: WantedIn.model_validate({}))
    enabled: bool = True


class TicketSystemOut(Answer):
    """A ticket system, and how it is doing."""

    name: str
    kind: Kind
    url: str
    place: str
    login: str | None
    options: dict[str, Any]
    wanted: dict[str, Any]
    marker: str = Field(description="begins our ids over there")
    enabled: bool
    created_at: datetime
    heard_at: datetime | None = Field(description="until when its tickets were read")
    reconciled_at: datetime | None
    waits_until: datetime | None = Field(description="it failed, or asked us to wait, and is left alone until then")
    last_error: str | None
    last_result: dict[str, Any] | None = Field(description="what the last reconciliation found")


class TicketSystems(Answer):
    """All of them; there are few."""

    items: list[TicketSystemOut]
    next: None


class Tried(Answer):
    """Whether it lets us in."""

    works: bool
    detail: str


@router.get("", dependencies=[Depends(may("read_incidents"))])
def index(session: Read) -> TicketSystems:
    """List ticket systems; secrets are never shown."""
    return TicketSystems(items=[TicketSystemOut.model_validate(row) for row in list_systems(session)], next=None)


@router.put(
    "/{name}",
    dependencies=[Depends(may("manage_settings"))],
    response_model=TicketSystemOut,
    responses=problems(422) | {201: {"model": TicketSystemOut, "description": "It is new"}},
)
def put(
    name: Name,
    body: TicketSystemIn,
    session: Write,
    response: Response,
    actor: CurrentActor,
    now: Now,
    settings: Configured,
) -> TicketSystem:
    """Configure a ticket system. A new one follows from now on; `:reconcile` makes tickets for what is open already."""
    said = systems.Configured(
        kind=body.kind,
        url=body.url,
        place=body.place,
        login=body.login,
        secret=body.secret.get_secret_value() if body.secret else None,
        options=body.options,
        wanted=body.wanted.model_dump(),
        enabled=body.enabled,
    )
    system, is_new = put_system(session, name, said, vault=_vault(settings), now=now)
    detail = body.model_dump(mode="json", exclude={"secret"}) | {"secret": "new" if body.secret else "kept"}
    audit.record(session, actor, "ticket_system.put", name, detail, now=now)
    response.status_code = 201 if is_new else 200
    return system


@router.delete("/{name}", status_code=204, dependencies=[Depends(may("manage_settings"))], responses=problems(404))
def delete(name: Name, session: Write, actor: CurrentActor, now: Now) -> None:
    """Forget a ticket system. Its tickets stay as they are, and so do their links."""
    session.delete(find_system(session, name))
    audit.record(session, actor, "ticket_system.delete", name, now=now)


@router.post("/{name}:test", dependencies=[Depends(may("manage_webhooks"))], responses=problems(404))
def test(name: Name, engine: Primary, settings: Configured) -> Tried:
    """Ask it for a ticket that is not there: that shows whether it can be reached and lets us in."""
    with reading(engine) as session:
        system = find_system(session, name)
    try:
        with connecting(_vault(settings))(system) as connector:
            connector.find(f"{system.marker}-exp-0")
    except (Refused, UpstreamUnavailable) as error:
        return Tried(works=False, detail=error.detail)
    return Tried(works=True, detail="It answers, and lets us in.")


@router.post(
    "/{name}:reconcile", status_code=202, dependencies=[Depends(may("manage_webhooks"))], responses=problems(404)
)
def reconcile(name: Name, request: Request, session: Write, actor: CurrentActor, now: Now) -> None:
    """Look for lost, duplicate and missing tickets in the next round; it happens by itself once a day."""
    system = find_system(session, name)
    system.reconciled_at = system.waits_until = None
    audit.record(session, actor, "ticket_system.reconcile", name, now=now)
    request.app.state.ask_for_tickets(session, now)


def _vault(settings: Configured) -> Vault:
    if settings.secret_key is None:
        raise Refused("MUSTER_SECRET_KEY is not set; stored secrets are locked with it.")
    return Vault(settings.secret_key.get_secret_value())
