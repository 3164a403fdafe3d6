"""OSV's door: developers' own scanners ask here what they ask api.osv.dev, and see our own advisories too.

Answers come from the mirror of the feeds by the rules that match components (`service.advisories.asking`); the guide
for integrators (`openapi/README.md`) says how they differ from OSV's own.
"""

from service.compat.osv.routes import router

__all__ = ["router"]
