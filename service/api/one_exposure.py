"""One exposure as every call that reads or changes it answers."""

from datetime import datetime

from fastapi import Response

from service.api.deps import check_version, etag
from service.api.incidents import ExposureOut
from service.db import ReadSession, WriteSession
from service.incidents.lifecycle import lock_exposure
from service.incidents.listing import exposures_in_full
from service.incidents.models import Exposure


def locked_exposure(session: WriteSession, exposure: str, if_match: str | None, *, needed: bool = True) -> Exposure:
    """Lock an exposure and compare its version; *needed*: If-Match must be sent."""
    row = lock_exposure(session, exposure)
    if needed or if_match is not None:
        check_version(if_match, row.version)
    return row


def answer_exposure(session: ReadSession, row: Exposure, response: Response, now: datetime) -> ExposureOut:
    """Give it in full, with the ETag that is needed to change it; *now* says what is late."""
    response.headers["ETag"] = etag(row.version)
    return ExposureOut.model_validate(exposures_in_full(session, [row.id], now=now)[0])
