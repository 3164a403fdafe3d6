"""SBOMs of real components, and sending them as a build system does."""

import random
from collections.abc import Sequence
from functools import cache
from uuid import UUID

import httpx
import orjson
from benchmarks.surroundings import corpus


def cyclonedx(purls: Sequence[str], *, serial: int | None = None) -> bytes:
    """Write a document that lists these purls, with or without a serial number."""
    listed = [
        {"type": "library", "bom-ref": f"c{place}", "name": purl, "purl": purl} for place, purl in enumerate(purls)
    ]
    head: dict[str, object] = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1}
    if serial is not None:
        head["serialNumber"] = f"urn:uuid:{UUID(int=serial, version=4)}"
    return orjson.dumps({**head, "components": listed})


def upload(client: httpx.Client, product: str, content: bytes) -> httpx.Response:
    """Send a document to a product's main stream."""
    return client.post(f"/v1/products/{product}/sboms", content=content)


def send(client: httpx.Client, product: str, content: bytes) -> None:
    """Send a document that must be taken; ends the benchmark otherwise."""
    answer = upload(client, product, content)
    if not answer.is_success:
        raise SystemExit(f"{answer.status_code}: {answer.text[:500]}")


class Builds:
    """A product that is built again and again: each time two in a hundred of its components are others."""

    def __init__(self, seed: int, size: int = 500) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - the same builds each time
        self.purls = self._chance.sample(real_purls(), size)

    def next(self) -> bytes:
        """Give the next build's SBOM."""
        for place in self._chance.sample(range(len(self.purls)), len(self.purls) // 50):
            self.purls[place] = self._chance.choice(real_purls())
        return cyclonedx(self.purls)


@cache
def real_purls() -> list[str]:
    """Give distinct purls of real container SBOMs, a few hundred files' worth."""
    found: dict[str, None] = {}
    for file in sorted((corpus() / "sbom-bench").iterdir())[:300]:
        for package in orjson.loads(file.read_bytes()).get("packages", []):
            for reference in package.get("externalRefs", []):
                if reference.get("referenceType") == "purl":
                    found[reference["referenceLocator"]] = None
    return list(found)
