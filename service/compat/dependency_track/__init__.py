"""Dependency-Track's door: build plugins made for it work by changing an address and a key.

Its projects are pairs of name and version; here a name is a product, and each version a stream of its own, so that a
hotfix of 1.3 does not replace 1.4. The guide for integrators (`openapi/README.md`) says what differs.
"""

from fastapi import APIRouter

from service.compat.dependency_track import bom_routes, project_routes

__all__ = ["router"]

router = APIRouter(prefix="/api", tags=["dependency-track"])
router.include_router(bom_routes.router)
router.include_router(project_routes.router)
