"""Names that no index would take are cut or passed over before they get there."""

import random
import string
from datetime import UTC, datetime

import orjson
import pytest
from sqlalchemy import Engine

from service.flows.receiving import Request, receive_upload

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def noise(length: int, letters: str = string.ascii_lowercase) -> str:
    """Give letters in no order: an index compresses what repeats."""
    return "".join(random.Random(length).choices(letters, k=length))  # noqa: S311


HAN = "".join(map(chr, range(0x4E00, 0x4F00)))


@pytest.mark.parametrize(
    "said",
    [
        pytest.param({"purl": f"pkg:{noise(3_800)}/x@1"}, id="type"),
        pytest.param({"purl": "pkg:npm/" + "/".join(noise(50 + i) for i in range(50)) + "/x@1"}, id="namespace"),
        pytest.param({"purl": f"pkg:npm/x@{noise(3_800)}"}, id="version"),
        pytest.param({"purl": f"pkg:npm/{noise(290, HAN)}/{noise(300, HAN)}@1"}, id="name of wide letters"),
        pytest.param({"purl": f"pkg:deb/debian/x@1?distro=debian-12&upstream={noise(3_000)}"}, id="source"),
        pytest.param({"name": noise(600, HAN), "group": noise(599, HAN), "version": noise(598, HAN)}, id="no purl"),
    ],
)
def test_an_overlong_name_is_stored(engine: Engine, said: dict[str, str]) -> None:
    component = {"type": "library", "name": "x", "version": "1"} | said
    sbom = orjson.dumps({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [component]})

    receipt = receive_upload(engine, sbom, Request(product="overlong", actor="tests"), now=NOON)

    assert receipt.component_count == 1
