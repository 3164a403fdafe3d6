"""All routes of the application, so that a test of every route cannot forget one."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from fastapi import FastAPI

from service.api.deps import permissions_of

#: What needs no key, because it tells nothing, is the door itself, or has its own seal in its address.
OPEN = {
    "/acknowledge/{sealed}",
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/api/version",
    "/login",
    "/logout",
    "/static/{name}",
}
_PARAMETER = re.compile(r"\{(\w+)(:path)?\}")


class Walked(NamedTuple):
    """One method of one route, and the permissions that it asks for."""

    method: str
    path: str
    permissions: frozenset[str]

    @property
    def is_page(self) -> bool:
        """Whether it is for people with browsers."""
        return not self.path.startswith(("/v1", "/api", "/osv")) and self.path not in OPEN

    def at(self, values: Mapping[str, str], otherwise: str = "nothing") -> str:
        """Fill in the path's parameters."""
        return _PARAMETER.sub(lambda match: values.get(match[1], otherwise), self.path)


def walk(app: FastAPI) -> Iterator[Walked]:
    """Walk all routes, in the order of their paths."""
    found = (
        Walked(method, path, frozenset(permissions))
        for methods, path, permissions in permissions_of(app)
        for method in methods.split(",")
        if method not in ("HEAD", "OPTIONS", "")
    )
    yield from sorted(found, key=lambda one: (one.path, one.method))
