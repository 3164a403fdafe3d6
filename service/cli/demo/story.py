"""Who and what the story is about: teams, products, uploads, and the feed as it was on the evening of 29 March 2024."""

import json
import zipfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

_HERE = resources.files("service.cli.demo")


def at(day: int, hour: int, minute: int) -> datetime:
    """Give an instant in March 2024."""
    return datetime(2024, 3, day, hour, minute, tzinfo=UTC)


@dataclass(frozen=True)
class Cast:
    """A product of the story: who owns it, what the catalogue says of it, and its first SBOM."""

    slug: str
    team: str | None
    what: str
    file: str | None = None
    at: datetime = field(default_factory=lambda: at(28, 8, 0))
    fields: dict[str, Any] = field(default_factory=dict)


#: Folders of the feed; GitHub's record is in Debian's, since that is what it speaks of.
ECOSYSTEMS = ("Debian", "Alpine", "Julia")

TEAMS = ("payments", "devices", "platform", "web", "research")

PRODUCTS = (
    Cast(
        "payments-api",
        "payments",
        "Debian 13 image with sshd",
        "payments-api.cdx.json",
        at(28, 8, 4),
        {"tier": "mission-critical", "exposed": True, "tags": ["pci"]},
    ),
    Cast("edge-firmware", "devices", "Alpine edge", "edge-firmware.spdx.json", at(28, 8, 31), {"tier": "high"}),
    Cast("build-runner", "platform", "Fedora 40", "build-runner.spdx", at(28, 8, 47), {"tier": "high"}),
    Cast("legacy-portal", "web", "Debian 12", "legacy-portal.cdx.xml", at(28, 9, 16), {"exposed": True}),
    Cast("data-lab", "research", "Julia notebooks", "data-lab.cdx.json", at(28, 9, 42), {"tier": "low"}),
    Cast("scanner-box", None, "a vendor's scanner", "scanner-box.spdx.json", at(28, 10, 6), {"kind": "vendor"}),
    Cast("web-shop", "web", "Debian 13, reverted", "web-shop.cdx.json", at(28, 10, 41), {"exposed": True}),
    Cast("partner-app", "web", "nobody sent an SBOM yet"),
)


def sbom(name: str) -> bytes:
    """Read one of the story's SBOMs."""
    return (_HERE / "sboms" / name).read_bytes()


def write_feed(folder: Path) -> int:
    """Write the story's advisories as a feed in the layout of OSV's bucket; gives how many there are."""
    written = 0
    for ecosystem in ECOSYSTEMS:
        target = folder / ecosystem
        target.mkdir(parents=True)
        index = []
        with zipfile.ZipFile(target / "all.zip", "w") as archive:
            for record in sorted((_HERE / "advisories" / ecosystem).iterdir(), key=lambda entry: entry.name):
                content = record.read_bytes()
                archive.writestr(record.name, content)
                said = json.loads(content)
                index.append(f"{said['modified']},{said['id']}\n")
        (target / "modified_id.csv").write_text("".join(sorted(index, reverse=True)), encoding="utf-8")
        written += len(index)
    return written
