"""What a webhook is told: that something changed, and where to read it. Pure.

The inventory is a map of weaknesses, so that no name of a component or product leaves the house this way; whoever may
see it reads it with a key. Only a webhook that names its products is told which of them it is.
"""

from datetime import UTC, datetime

import orjson

from service.feedback.models import Delivery


def body_of(delivery: Delivery, public_url: str, *, with_product: bool) -> bytes:
    """Write the body; the same at each attempt."""
    data: dict[str, object] = {
        "seq": delivery.seq,
        "incident": delivery.incident,
        "exposure": delivery.exposure,
        "version": delivery.version,
        "url": url_of(delivery.incident, delivery.exposure, public_url),
    }
    if with_product:
        data["product"] = delivery.product
    return orjson.dumps({"type": delivery.type, "timestamp": _instant(delivery.at), "data": data})


def url_of(incident: str | None, exposure: str | None, public_url: str) -> str | None:
    """Give the address in the API of what changed; a path alone where the public address is not known."""
    root = public_url.rstrip("/")
    if exposure is not None:
        return f"{root}/v1/exposures/{exposure}"
    return f"{root}/v1/incidents/{incident}" if incident is not None else None


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
