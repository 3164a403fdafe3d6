"""Usage, worked out again from the bytes of the uploads: what rule 11 promises.

Slow and obviously right; tests compare with it, and an operator rebuilds with it.
"""

from sqlalchemy import delete, insert, select

from service.clock import OPEN
from service.db import ReadSession, WriteSession
from service.inventory.catalogue import resolve
from service.inventory.documents import bytes_of
from service.inventory.models import Upload, Usage
from service.inventory.usage import Span, repaint, spans_touching
from service.sbom import read


def replayed(session: WriteSession, stream_id: int) -> set[Span]:
    """Read every live upload of a stream again, oldest first, and give the usage that follows."""
    uploads = session.scalars(
        select(Upload).where(Upload.stream_id == stream_id, Upload.voided_at.is_(None)).order_by(Upload.at_us)
    )
    spans: set[Span] = set()
    for upload in uploads:
        known = resolve(session, read(bytes_of(session, upload))).components.values()
        open_spans = [span for span in spans if span.to_us == OPEN]
        change = repaint(open_spans, upload.at_us, OPEN, {component.id: component.scope for component in known})
        spans = (spans - set(change.removed)) | set(change.added)
    return spans


def recorded(session: ReadSession, stream_id: int) -> set[Span]:
    """Give the usage of a stream as it stands."""
    return set(spans_touching(session, stream_id, 0, OPEN))


def rebuild(session: WriteSession, stream_id: int) -> int:
    """Put the replayed usage in place of the recorded one; gives the number of rows that differed."""
    expected, actual = replayed(session, stream_id), recorded(session, stream_id)
    if expected == actual:
        return 0
    session.execute(delete(Usage).where(Usage.stream_id == stream_id))
    session.execute(insert(Usage), [{"stream_id": stream_id, **span._asdict()} for span in sorted(expected)])
    return len(expected ^ actual)
