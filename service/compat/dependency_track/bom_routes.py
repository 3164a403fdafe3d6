"""``/api/v1/bom`` and what clients ask around it: which release this is, what their key may do, is it done."""

from importlib.metadata import version as installed
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from typing_extensions import TypedDict

from service.access.roles import Permission
from service.compat.asking import Asker, Configured, Now, Primary, Trusted, Uploader
from service.compat.dependency_track.submissions import receive_submission
from service.compat.dependency_track.uploading import store
from service.compat.dependency_track.uuids import Kind, to_uuid
from service.compat.dependency_track.wording import NOT_FOUND, PROBLEM, problems
from service.errors import ServiceError, Unreadable, Unsupported

router = APIRouter()

#: The release of Dependency-Track whose API this is; clients choose by it what they send.
API_LEVEL = "4.13.0"

_GRANTED: tuple[tuple[Permission, tuple[str, ...]], ...] = (
    ("upload", ("BOM_UPLOAD", "PROJECT_CREATION_UPLOAD")),
    ("read_answer", ("VIEW_PORTFOLIO", "VIEW_VULNERABILITY", "VIEW_POLICY_VIOLATION")),
    ("manage_products", ("PORTFOLIO_MANAGEMENT",)),
)


class VersionOut(TypedDict):
    """Which API this is, and who serves it."""

    version: str
    application: str
    framework: dict[str, str]


class TokenOut(TypedDict):
    """What an upload is asked after by."""

    token: str


class ProcessingOut(TypedDict):
    """Whether something is still to be done; an upload is done when it is answered."""

    processing: bool


class PermissionOut(TypedDict):
    """What the key may do, in Dependency-Track's words."""

    name: str


class TeamOut(TypedDict):
    """Whom the key stands for."""

    uuid: str
    name: str
    permissions: list[PermissionOut]


@router.get("/version")
async def version() -> VersionOut:
    """Tell which release of Dependency-Track this door is like. Needs no key."""
    own = {"name": "muster", "version": installed("muster")}
    return VersionOut(version=API_LEVEL, application="muster", framework=own)


@router.get("/v1/team/self")
def team(actor: Asker) -> TeamOut:
    """Tell what the key may do, in Dependency-Track's words."""
    granted = [name for permission, names in _GRANTED if actor.may(permission) for name in names]
    bound = actor.products is not None
    names = [name for name in granted if not (bound and name == "PROJECT_CREATION_UPLOAD")]
    return TeamOut(
        uuid=to_uuid(Kind.KEY, actor.key_id or 0), name=actor.name, permissions=[PermissionOut(name=n) for n in names]
    )


# --- uploads ---------------------------------------------------------------------------------------------------------

_FIELDS: dict[str, Any] = {
    "project": {"type": "string", "format": "uuid", "description": "of a project that is there; or name and version"},
    "projectName": {"type": "string", "description": "the product"},
    "projectVersion": {"type": "string", "description": "its stream; absent: main"},
    "autoCreate": {"type": "boolean", "description": "make product and stream if missing; else 404", "default": False},
}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["bom"],
                    "properties": {
                        **_FIELDS,
                        "projectTags": {
                            "type": "array",
                            "items": {"type": "object", "properties": {"name": {"type": "string"}}},
                            "description": "tags of the product, if this makes it",
                        },
                        "bom": {"type": "string", "contentEncoding": "base64", "description": "any format we read"},
                    },
                }
            },
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["bom"],
                    "properties": {
                        **_FIELDS,
                        "projectTags": {"type": "string", "description": "the same, separated by commas"},
                        "bom": {"type": "string", "contentMediaType": "application/octet-stream"},
                    },
                }
            },
        },
    }
}
_UPLOAD: dict[str, Any] = {
    "response_model": TokenOut,
    "openapi_extra": _BODY,
    "responses": NOT_FOUND | problems(_400="The uploaded BOM is invalid", _409="See detail", _413="Too large"),
}


@router.put("/v1/bom", **_UPLOAD)
@router.post("/v1/bom", **_UPLOAD)
async def upload(
    request: Request, actor: Uploader, engine: Primary, settings: Configured, trusted: Trusted, now: Now
) -> Response:
    """Take in one SBOM for a project, by name and version or by UUID, as JSON or as a form."""
    try:
        sent = await receive_submission(request, max_bytes=settings.max_upload_bytes)
        token = await run_in_threadpool(store, engine, sent, actor, trusted=trusted, now=now)
    except (Unreadable, Unsupported) as error:
        return _invalid(request, error)
    # A field more in the answer would break clients that know all of them; a header breaks none.
    unkept = {"X-Muster-Unkept": ", ".join(sent.unkept)} if sent.unkept else None
    return JSONResponse(TokenOut(token=token), headers=unkept)


def _invalid(request: Request, error: ServiceError) -> Response:
    """Say 400 where our own doors say 415 or 422: clients read the status."""
    public_url = (request.app.state.settings.public_url or "").rstrip("/")
    body = {
        **error.members,
        "type": f"{public_url}/problems/{error.slug}",
        "title": "The uploaded BOM is invalid",
        "status": 400,
        "detail": error.detail,
        "instance": request.url.path,
        "errors": [error.detail],
    }
    return JSONResponse(body, 400, media_type=PROBLEM)


@router.get("/v1/bom/token/{token}")
@router.get("/v1/event/token/{token}")
async def processing(token: str, _actor: Asker) -> ProcessingOut:
    """Tell that nothing is being processed: an upload is answered when all of it is done."""
    del token
    return ProcessingOut(processing=False)
