"""What a search cannot judge, said aloud: no SBOM, an old one, a component without version.

Unknown is neither affected nor clean; an answer without this list would read as "everybody else is clean".
"""

from sqlalchemy import text

from service.db import ReadSession
from service.inventory.answer import CannotTell, Owner

#: An answer lists at most so many of each kind.
MAX_LISTED = 500


def unjudged(session: ReadSession) -> list[CannotTell]:
    """List what no search can judge: products without any SBOM first, then silent streams, whose newest is old.

    Products all of whose streams were retired are out of the field, not unknown. Each kind ends at `MAX_LISTED`.
    """
    bounds = {"limit": MAX_LISTED}
    return [
        CannotTell(product, stream, None, Owner(team, owner_reason), reason, None)
        for product, stream, team, owner_reason, reason in session.execute(_UNJUDGED, bounds)
    ]


_OWNER = """
       coalesce(team.name, (SELECT name FROM team WHERE fallback)),
       CASE WHEN team.id IS NULL THEN 'fallback' ELSE 'product team' END
"""
_UNJUDGED = text(f"""
(SELECT product.slug, stream.name, {_OWNER}, 'no_sbom'
 FROM product
 LEFT JOIN stream ON stream.product_id = product.id AND stream.kind = 'tracked' AND stream.retired_at IS NULL
 LEFT JOIN team ON team.id = product.team_id
 WHERE product.archived_at IS NULL AND stream.last_upload_at IS NULL
   AND (stream.id IS NOT NULL OR NOT EXISTS (
       SELECT FROM stream AS any_stream WHERE any_stream.product_id = product.id AND any_stream.kind = 'tracked'))
 ORDER BY product.slug COLLATE "C", stream.name COLLATE "C"
 LIMIT :limit)
UNION ALL
(SELECT product.slug, stream.name, {_OWNER}, 'stale'
 FROM stream
 JOIN product ON product.id = stream.product_id
 LEFT JOIN team ON team.id = product.team_id
 WHERE stream.kind = 'tracked' AND stream.retired_at IS NULL AND product.archived_at IS NULL
   AND stream.stale_since IS NOT NULL
 ORDER BY stream.last_upload_at, product.slug COLLATE "C"
 LIMIT :limit)
""")  # noqa: S608 - parts of ours, values bound
