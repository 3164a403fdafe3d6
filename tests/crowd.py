"""Build systems, a feed and the CERT at work at the same time, and a model that remembers what they were told."""

import random
from collections.abc import Callable
from datetime import datetime
from threading import Lock
from typing import Any

from histories import COMPONENTS, NAMES, RANGES, Line, Model, Sent
from osv_bucket import Record, make_record
from sboms import listed, make_sbom

from service.clock import to_micros, utc_now

PRODUCTS = tuple(f"product-{n}" for n in range(10))
STREAMS = ("main", "2.x")
OWN = make_record("OURS-1", "npm/lodash", "introduced 0", "fixed 5.0.0", aliases=["CVE-2024-1"])

#: Uploads to a product's stream, and gives the answer.
Send = Callable[[str, str, bytes], dict[str, Any]]


class Crowd:
    """Ten products, few components, everybody at once."""

    def __init__(self) -> None:
        self.model = Model()
        self._writing_down = Lock()

    def build(self, seed: int, count: int, send: Send) -> None:
        """Upload to the products in an order of one's own; many components are new to all, in different orders."""
        chance = random.Random(seed)  # noqa: S311 - a repeatable story
        for _ in range(count):
            product, stream = chance.choice(PRODUCTS), chance.choice(STREAMS)
            contents = dict.fromkeys(chance.sample(sorted(COMPONENTS), chance.randint(1, 8)), "required")
            parts = [
                listed(purl) if purl.startswith("pkg:") else listed(name=purl, version="5.6.1") for purl in contents
            ]
            new = [f"pkg:npm/new-{chance.randint(1, 400)}@1.0.0" for _ in range(60)]
            answer = send(product, stream, make_sbom(*parts, *new))
            at = answer["at"]
            at_us = to_micros(at if isinstance(at, datetime) else datetime.fromisoformat(at))
            with self._writing_down:
                line = self.model.lines.setdefault((product, stream), Line(preview=False))
                line.uploads.append(Sent(answer["sbom"]["id"], at_us, contents, label=None))

    def say(self, chance: random.Random) -> Record:
        """Let an advisory change, be withdrawn or come back, as a feed does; tell the model once it is published."""
        osv_id = chance.choice(sorted(RANGES))
        record = make_record(osv_id, affected=chance.choice(RANGES[osv_id]), modified=utc_now().isoformat())
        record |= chance.choice(NAMES[osv_id])
        record |= {"withdrawn": "2024-01-01T00:00:00Z"} if chance.random() < 0.2 else {}
        return record
