"""Who asks. OSV's clients know no keys, but every HTTP client knows ``https://:KEY@host``: Basic with the key in it."""

from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBasic, HTTPBasicCredentials, HTTPBearer

from service.access.keys import authenticate
from service.access.roles import Actor, Permission
from service.access.visits import admit
from service.compat.asking import Now, Primary
from service.db import writing
from service.errors import Unauthenticated

_bearer = HTTPBearer(auto_error=False, description="an API key: mst_…")
_basic = HTTPBasic(auto_error=False, description="the same key as password, or as name without one")


def _actor(
    request: Request,
    engine: Primary,
    now: Now,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    basic: Annotated[HTTPBasicCredentials | None, Security(_basic)],
) -> Actor:
    token = bearer.credentials if bearer else (basic.password or basic.username if basic else "")
    if not token:
        raise Unauthenticated("Send an API key: as https://:KEY@host/osv/v1/query, or as `Authorization: Bearer KEY`.")
    with writing(engine) as session:
        return admit(request.scope, authenticate(session, token.strip(), now=now))


class _Reads:
    """The permission of every route here, for the walk through all routes as for the request itself."""

    permission: Permission = "read"

    async def __call__(self, actor: Annotated[Actor, Depends(_actor)]) -> Actor:
        actor.require(self.permission)
        return actor


reads = [Depends(_Reads())]
