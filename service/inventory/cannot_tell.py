"""What a search cannot judge, said aloud: no SBOM, an old one, a component without version.

Unknown is neither affected nor clean; an answer without this list would read as "everybody else is clean".
"""

from sqlalchemy import text

from service.db import ReadSession
from service.inventory.answer import CannotTell, Owner
from service.inventory.owners import Question, owners_named

#: An answer lists at most so many of each kind.
MAX_LISTED = 500


def unjudged(session: ReadSession, *, limit: int | None = MAX_LISTED) -> list[CannotTell]:
    """List what no search can judge: products without any SBOM first, then silent streams, whose newest is old.

    Products all of whose streams were retired are out of the field, not unknown. Each kind ends at *limit*;
    None: all of them.
    """
    rows = session.execute(_UNJUDGED, {"limit": limit}).all()
    owners = owners_named(session, {row.id: Question(row.id) for row in rows})
    return [
        CannotTell(product, stream, None, Owner(*owners[product_id]), reason, None)
        for product_id, product, stream, reason in rows
    ]


_UNJUDGED = text("""
(SELECT product.id, product.slug, stream.name, 'no_sbom'
 FROM product
 LEFT JOIN stream ON stream.product_id = product.id AND stream.kind = 'tracked' AND stream.retired_at IS NULL
 WHERE product.archived_at IS NULL AND stream.last_upload_at IS NULL
   AND (stream.id IS NOT NULL OR NOT EXISTS (
       SELECT FROM stream AS any_stream WHERE any_stream.product_id = product.id AND any_stream.kind = 'tracked'))
 ORDER BY product.slug COLLATE "C", stream.name COLLATE "C"
 LIMIT :limit)
UNION ALL
(SELECT product.id, product.slug, stream.name, 'stale'
 FROM stream
 JOIN product ON product.id = stream.product_id
 WHERE stream.kind = 'tracked' AND stream.retired_at IS NULL AND product.archived_at IS NULL
   AND stream.stale_since IS NOT NULL
 ORDER BY stream.last_upload_at, product.slug COLLATE "C"
 LIMIT :limit)
""")
