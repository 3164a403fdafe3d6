"""``/api/v1/project`` and what is asked of projects: findings, counts, violations."""

from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Query, Response

from service.compat.asking import Asker, Manager, Now, Primary, Read, Uploader
from service.compat.dependency_track.findings import FindingOut, MetricsOut, findings_in, metrics_of
from service.compat.dependency_track.projects import ProjectOut, Wanted, by_name, by_uuid, list_projects
from service.compat.dependency_track.steering import ProjectIn, ProjectPatch, change_project, make_project
from service.compat.dependency_track.wording import NOT_FOUND, problems
from service.db import writing

router = APIRouter()

_TOTAL = "X-Total-Count"
_MOST_ROWS, _LATEST = 10_000, 2**31


class Place(NamedTuple):
    """Part of a list, as Dependency-Track's clients ask for it."""

    offset: int
    limit: int


async def _place(
    page_number: Annotated[int | None, Query(alias="pageNumber", ge=1, le=_LATEST)] = None,
    page: Annotated[int | None, Query(ge=1, le=_LATEST, description="the same")] = None,
    page_size: Annotated[int | None, Query(alias="pageSize", ge=1, description=f"at most {_MOST_ROWS:,}")] = None,
    limit: Annotated[int | None, Query(ge=1, description="the same")] = None,
    offset: Annotated[int | None, Query(ge=0, le=_LATEST)] = None,
) -> Place:
    size = min(page_size or limit or 100, _MOST_ROWS)
    return Place((offset or 0) if offset is not None else ((page_number or page or 1) - 1) * size, size)


Part = Annotated[Place, Depends(_place)]
ExcludeInactive = Annotated[bool, Query(alias="excludeInactive", description="leave retired streams out")]


@router.get("/v1/project")
def projects(
    response: Response,
    session: Read,
    actor: Asker,
    place: Part,
    *,
    name: Annotated[str | None, Query(description="only versions of this product")] = None,
    tag: Annotated[str | None, Query(description="only products with this tag")] = None,
    exclude_inactive: ExcludeInactive = False,
) -> list[ProjectOut]:
    """List projects. A key for uploads lists what it is bound to; all others need the permission to read."""
    if name is None and actor.products is None:
        actor.require("read")
    wanted = Wanted(name=name, tag=tag, active_only=exclude_inactive, product_ids=actor.products)
    rows, total = list_projects(session, wanted, offset=place.offset, limit=place.limit)
    response.headers[_TOTAL] = str(total)
    return [row.as_values() for row in rows]


@router.get("/v1/project/tag/{tag:path}")
def projects_by_tag(
    tag: str,
    response: Response,
    session: Read,
    actor: Asker,
    place: Part,
    *,
    exclude_inactive: ExcludeInactive = False,
) -> list[ProjectOut]:
    """List the projects of products with a tag."""
    return projects(response, session, actor, place, tag=tag, exclude_inactive=exclude_inactive)


@router.get("/v1/project/lookup", responses=NOT_FOUND)
def lookup(session: Read, actor: Asker, name: str, version: str = "") -> ProjectOut:
    """Give the project of this name and version; no version is `main`."""
    return by_name(session, name, version.strip(), actor).as_values()


@router.get("/v1/project/{uuid}", responses=NOT_FOUND)
def project(uuid: str, session: Read, actor: Asker) -> ProjectOut:
    """Give one project."""
    return by_uuid(session, uuid, actor).as_values()


@router.put("/v1/project", status_code=201, responses=problems(_409="It is there already"))
def make(body: ProjectIn, engine: Primary, actor: Uploader, now: Now) -> ProjectOut:
    """Make a project before its first SBOM."""
    with writing(engine) as session:
        return make_project(session, body, actor, now=now).as_values()


@router.patch("/v1/project/{uuid}", responses=NOT_FOUND | problems(_409="Another name or version"))
def change(uuid: str, body: ProjectPatch, engine: Primary, actor: Manager, now: Now) -> ProjectOut:
    """Change the tags of a product, or whether a version is in use."""
    return change_project(engine, uuid, body, actor, now=now).as_values()


# --- what is known of them -------------------------------------------------------------------------------------------


@router.get("/v1/finding/project/{uuid}", responses=NOT_FOUND)
def findings(
    uuid: str,
    response: Response,
    session: Read,
    actor: Asker,
    *,
    suppressed: Annotated[bool, Query(description="those too about which somebody has decided")] = False,
) -> list[FindingOut]:
    """List what is known of a project's newest SBOM, the worst first."""
    found = findings_in(session, by_uuid(session, uuid, actor), suppressed=suppressed)
    response.headers[_TOTAL] = str(len(found))
    return found


@router.get("/v1/metrics/project/{uuid}/current", responses=NOT_FOUND)
def metrics(uuid: str, session: Read, actor: Asker, now: Now) -> MetricsOut:
    """Count a project's findings by severity, as they are now."""
    return metrics_of(session, by_uuid(session, uuid, actor), now=now)


@router.get("/v1/metrics/project/{uuid}/refresh", responses=NOT_FOUND, response_class=Response)
def refresh(uuid: str, session: Read, actor: Asker) -> Response:
    """Do nothing: counts are taken when they are asked for."""
    by_uuid(session, uuid, actor)
    return Response()


@router.get("/v1/violation/project/{uuid}", responses=NOT_FOUND)
def violations(uuid: str, response: Response, session: Read, actor: Asker) -> list[dict[str, str]]:
    """List no violations: there are no policies here that could be violated."""
    by_uuid(session, uuid, actor)
    response.headers[_TOTAL] = "0"
    return []
