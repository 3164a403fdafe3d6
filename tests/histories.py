"""Random histories, told twice: to the service, and to a slow model of our own that knows nothing of its tables.

The model remembers uploads and advisories as plain values, and works out from them alone what the service keeps in
usage, matches and exposures. It shares nothing with the service but `service.versions.compare`.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from osv_bucket import Record, make_affected, make_record
from sboms import listed
from story import Story

from service.clock import OPEN, to_micros
from service.versions import compare


class Coordinate(NamedTuple):
    """Where a component stands, written by hand; `known` is whether its distribution's release is named."""

    ecosystem: str
    name: str
    version: str
    known: bool = True


def _npm(name: str, *versions: str) -> dict[str, list[Coordinate]]:
    return {f"pkg:npm/{name}@{version}": [Coordinate("npm", name, version)] for version in versions}


def _pypi(name: str, *versions: str) -> dict[str, list[Coordinate]]:
    return {f"pkg:pypi/{name}@{version}": [Coordinate("PyPI", name, version)] for version in versions}


def _debian(*versions: str) -> dict[str, list[Coordinate]]:
    found = {}
    for version in versions:
        purl = f"pkg:deb/debian/liblzma5@{version.replace('+', '%2B')}?upstream=xz-utils"
        found[f"{purl}&distro=debian-13"] = [
            Coordinate("Debian:13", name, version) for name in ("xz-utils", "liblzma5")
        ]
        found[purl] = [Coordinate("Debian", name, version, known=False) for name in ("xz-utils", "liblzma5")]
    return found


#: All that can be listed; what nobody knows has no purl.
COMPONENTS: dict[str, list[Coordinate]] = {
    **_npm("lodash", "4.17.19", "4.17.20", "4.17.21", "5.0.0-rc.1"),
    **_npm("evil-pad", "1.0.0"),
    **_pypi("requests", "2.31.0rc1", "2.31.0"),
    **_debian("5.6.1-1", "5.6.1+really5.4.5-1"),
    "liblzma5": [],
}

#: What each advisory may say about ranges, one of which it says at a time.
RANGES: dict[str, list[list[Record]]] = {
    "GHSA-2222-2222-2222": [
        [make_affected("npm/lodash", "introduced 0", "fixed 4.17.21")],
        [make_affected("npm/lodash", "introduced 0", "fixed 4.17.20")],
        [make_affected("npm/lodash", "introduced 4.17.20", "last_affected 5.0.0-rc.1")],
    ],
    "GHSA-3333-3333-3333": [
        [make_affected("npm/lodash", "introduced 5.0.0-rc.1")],
        [make_affected("npm/lodash", versions=["4.17.19"])],
    ],
    "PYSEC-2024-1": [
        [make_affected("PyPI/requests", "introduced 0", "fixed 2.31.0")],
        [
            make_affected("PyPI/requests", "introduced 2.31.0", "fixed 2.32"),
            make_affected("npm/lodash", "introduced 5"),
        ],
    ],
    "DEBIAN-CVE-2024-3": [
        [make_affected("Debian:13/xz-utils", "introduced 5.6.0", "fixed 5.6.1+really5.4.5-1")],
        [make_affected("Debian:13/xz-utils", "introduced 0", "fixed 5.6.1-1")],
        [make_affected("Debian:12/xz-utils", "introduced 0")],
    ],
    "DSA-1": [
        [make_affected("Debian:13/xz-utils", "introduced 0", "fixed 5.6.1+really5.4.5-1")],
        [make_affected("Debian/xz-utils", "introduced 0")],
    ],
    "MAL-2024-1": [
        [make_affected("npm/evil-pad", versions=["1.0.0"])],
        [make_affected("npm/evil-pad", "introduced 0")],
    ],
}
#: What it may refer to; a later word may join what was apart.
NAMES: dict[str, list[Record]] = {
    "GHSA-2222-2222-2222": [{"aliases": ["CVE-2024-1"]}],
    "GHSA-3333-3333-3333": [{}, {"aliases": ["CVE-2024-1"]}, {"aliases": ["CVE-2024-2"]}],
    "PYSEC-2024-1": [{"aliases": ["CVE-2024-2"]}, {"aliases": ["CVE-2024-2", "CVE-2024-1"]}],
    "DEBIAN-CVE-2024-3": [{"upstream": ["CVE-2024-3"]}],
    "DSA-1": [{"upstream": ["CVE-2024-3", "CVE-2024-4"]}, {"upstream": ["CVE-2024-4"]}],
    "MAL-2024-1": [{}],
}
#: So many acts pass before advisories join what was apart.
APART_FOR = 20
SCOPES = ("required", "required", "required", "optional", "excluded", "dev", "test")
SHIPPED = ("required", "optional")


@dataclass
class Sent:
    """An upload as the model remembers it."""

    id: int
    at_us: int
    contents: dict[str, str]
    label: str | None
    voided: bool = False


@dataclass
class Line:
    """A stream."""

    preview: bool
    retired: bool = False
    uploads: list[Sent] = field(default_factory=list)
    releases: dict[str, Sent] = field(default_factory=dict)
    supported: set[str] = field(default_factory=set)

    def live(self) -> list[Sent]:
        return sorted((upload for upload in self.uploads if not upload.voided), key=lambda upload: upload.at_us)

    def in_field(self) -> Iterator[dict[str, str]]:
        if self.preview or self.retired:
            return
        if live := self.live():
            yield live[-1].contents
        yield from (self.releases[label].contents for label in self.supported if label in self.releases)


class Model:
    """All that was said, and what follows from it."""

    def __init__(self) -> None:
        self.lines: dict[tuple[str, str], Line] = {}
        self.advisories: dict[str, Record] = {}
        self._parents: dict[str, str] = {}

    # --- vulnerabilities -----------------------------------------------------------------------------------------

    def flaw(self, name: str) -> str:
        """Give the one name that stands for all that live records join with *name*."""
        while (parent := self._parents.setdefault(name, name)) != name:
            name = parent
        return name

    def tell(self, record: Record) -> None:
        self.advisories[record["id"]] = record
        self._parents.clear()
        for each in self.advisories.values():
            if "withdrawn" not in each:
                for alias in each.get("aliases", ()):
                    self._parents[self.flaw(alias)] = self.flaw(each["id"])

    def flaws_of(self, record: Record) -> set[str]:
        named = record["upstream"] if "upstream" in record else [record["id"]]
        return {self.flaw(name) for name in named}

    # --- matches -------------------------------------------------------------------------------------------------

    def matches(self) -> dict[tuple[str, str], str]:
        """Evaluate every live advisory on every component: (component, advisory) to certainty."""
        found = {}
        for osv_id, record in self.advisories.items():
            if "withdrawn" in record:
                continue
            for purl in COMPONENTS:
                if certainty := _evaluate(purl, record):
                    found[purl, osv_id] = certainty
        return found

    def said(self, certainty: str) -> dict[str, set[tuple[str, bool]]]:
        """Give what is said of each component: (vulnerability, whether it is malware)."""
        about: dict[str, set[tuple[str, bool]]] = {purl: set() for purl in COMPONENTS}
        for (purl, osv_id), its in self.matches().items():
            if its == certainty:
                flaws = self.flaws_of(self.advisories[osv_id])
                about[purl] |= {(flaw, osv_id.startswith("MAL-")) for flaw in flaws}
        return about

    def affected(self, certainty: str = "certain") -> set[tuple[str, str]]:
        """Give every (product, vulnerability) that is affected in the field."""
        said = self.said(certainty)
        return {
            (product, flaw)
            for (product, _), line in self.lines.items()
            for contents in line.in_field()
            for purl, scope in contents.items()
            for flaw, is_malware in said[purl]
            if is_malware or scope in SHIPPED
        }

    # --- usage ---------------------------------------------------------------------------------------------------

    @staticmethod
    def usage(line: Line) -> set[tuple[str, int, int, str]]:
        """Give (component, from, to, scope), as long as can be."""
        spans: set[tuple[str, int, int, str]] = set()
        running: dict[str, tuple[int, str]] = {}
        for upload in line.live():
            for purl, (start, scope) in list(running.items()):
                if upload.contents.get(purl) != scope:
                    spans.add((purl, start, upload.at_us, scope))
                    del running[purl]
            for purl, scope in upload.contents.items():
                running.setdefault(purl, (upload.at_us, scope))
        return spans | {(purl, start, OPEN, scope) for purl, (start, scope) in running.items()}


def _evaluate(purl: str, record: Record) -> str | None:
    best: str | None = None
    for coordinate in COMPONENTS[purl]:
        for affected in record["affected"]:
            package = affected["package"]
            same = (package["ecosystem"], package["name"]) == (coordinate.ecosystem, coordinate.name)
            if not (same or _may_be(package, coordinate)) or not _affects(affected, coordinate):
                continue
            everything = record["id"].startswith("MAL-") and "ranges" in affected
            if same and coordinate.known and not everything:
                return "certain"
            best = "possible"
    return best


def _may_be(package: Record, coordinate: Coordinate) -> bool:
    """Tell whether one of the two is of a distribution's release, and the other of the distribution."""
    theirs, ours = package["ecosystem"], coordinate.ecosystem
    if package["name"] != coordinate.name or theirs.partition(":")[0] != ours.partition(":")[0]:
        return False
    return (not coordinate.known and ":" in theirs) or (":" in ours and ":" not in theirs)


def _affects(affected: Record, coordinate: Coordinate) -> bool:
    """Follow the schema's own evaluation: walk the sorted events."""
    ecosystem, version = coordinate.ecosystem, coordinate.version
    if version in affected.get("versions", ()):
        return True
    inside = False
    for each in affected.get("ranges", ()):
        for event in each["events"]:
            [(kind, bound)] = event.items()
            order = 1 if bound == "0" else compare(ecosystem, version, bound)
            if kind == "introduced" and order >= 0:
                inside = True
            elif (kind == "fixed" and order >= 0) or (kind == "last_affected" and order > 0):
                inside = False
    return inside


class History:
    """Acts at random, of the service and the model alike."""

    def __init__(self, story: Story, seed: int) -> None:
        self.story, self.model = story, Model()
        self.random = random.Random(seed)  # noqa: S311 - a repeatable story
        self.told: list[str] = []
        for osv_id in self.random.sample(sorted(RANGES), len(RANGES)):
            self._tell(osv_id)

    def act(self) -> None:
        acts = [
            (10, self._upload),
            (2, self._late),
            (1, self._preview),
            (3, self._correct),
            (3, self._void),
            (6, self._support),
            (3, self._retire_or_revive),
            (4, self._tell_of_any),
            (1, self._withdraw),
            (1, self._join),
        ]
        act = self.random.choices([each for _, each in acts], [weight for weight, _ in acts])[0]
        act()

    # --- uploads -------------------------------------------------------------------------------------------------

    def _contents(self) -> dict[str, str]:
        chosen = self.random.sample(sorted(COMPONENTS), self.random.randint(0, 7))
        return {purl: self.random.choice(SCOPES) for purl in chosen}

    def _place(self) -> tuple[str, str]:
        return self.random.choice(("shop", "blog")), self.random.choice(("main", "main", "1.x"))

    def _send(
        self, place: tuple[str, str], *, preview: bool = False, at: datetime | None = None, replaces: Sent | None = None
    ) -> None:
        line = self.model.lines.setdefault(place, Line(preview))
        if line.retired:
            return
        contents = self._contents()
        label = self.random.choice((None, "1.0", "1.0", "2.0"))
        parts = [
            listed(purl, scope=scope) if purl.startswith("pkg:") else listed(name=purl, version="5.6.1", scope=scope)
            for purl, scope in contents.items()
        ]
        tool = self.random.choice(("syft",) * 9 + ("trivy",))
        self.told.append(f"send {place} {contents} label={label} at={at} replaces={replaces and replaces.id} {tool}")
        answer = self.story.upload(
            place[0],
            *parts,
            tool=tool,
            stream=place[1],
            preview=preview,
            at=at,
            version=label,
            replaces=replaces.id if replaces else None,
        )
        sent = Sent(answer["sbom"]["id"], to_micros(answer["at"]), contents, label)
        line.uploads.append(sent)
        if replaces:
            replaces.voided = True
            for name, upload in line.releases.items():
                if upload is replaces:
                    line.releases[name] = sent
        if label:
            held = line.releases.get(label)
            if held is None or held.voided or held.at_us <= sent.at_us:
                line.releases[label] = sent

    def _upload(self) -> None:
        self._send(self._place())

    def _preview(self) -> None:
        self._send((self._place()[0], "feature"), preview=True)

    def _late(self) -> None:
        place = self._place()
        line = self.model.lines.get(place)
        if line is not None and (live := line.live()):
            before = self.random.choice(live).at_us - self.random.randint(1, 50)
            if before not in {upload.at_us for upload in live}:
                self._send(place, at=_instant(before))

    def _some(self) -> tuple[tuple[str, str], Sent] | None:
        choices = [(place, upload) for place, line in self.model.lines.items() for upload in line.live()]
        return self.random.choice(choices) if choices else None

    def _correct(self) -> None:
        if chosen := self._some():
            place, upload = chosen
            self._send(place, preview=self.model.lines[place].preview, replaces=upload)

    def _void(self) -> None:
        if chosen := self._some():
            place, upload = chosen
            line = self.model.lines[place]
            self.told.append(f"void {place} {upload.id}")
            self.story.void({"sbom": {"id": upload.id}})
            upload.voided = True
            for label in [label for label, meant in line.releases.items() if meant is upload]:
                heirs = [other for other in line.live() if other.label == label]
                if heirs:
                    line.releases[label] = heirs[-1]
                else:
                    del line.releases[label]
                    line.supported.discard(label)

    # --- field ---------------------------------------------------------------------------------------------------

    def _support(self) -> None:
        choices = [(place, label) for place, line in self.model.lines.items() for label in line.releases]
        if not choices:
            return
        place, label = self.random.choice(sorted(choices))
        line, supported = self.model.lines[place], self.random.random() < 0.6
        self.told.append(f"support {place} {label} {supported}")
        self.story.support(place[0], label, supported=supported, stream=place[1])
        (line.supported.add if supported else line.supported.discard)(label)

    def _retire_or_revive(self) -> None:
        choices = [place for place, line in self.model.lines.items() if not line.preview]
        if not choices:
            return
        place = self.random.choice(sorted(choices))
        line = self.model.lines[place]
        self.told.append(f"{'revive' if line.retired else 'retire'} {place}")
        (self.story.revive if line.retired else self.story.retire)(*place)
        line.retired = not line.retired

    # --- advisories ----------------------------------------------------------------------------------------------

    def _tell_of_any(self) -> None:
        self._tell(self.random.choice(sorted(RANGES)))

    def _tell(self, osv_id: str) -> None:
        record: Record = make_record(osv_id, affected=self.random.choice(RANGES[osv_id]))
        self._publish(record | self._names(osv_id))

    def _names(self, osv_id: str) -> Record:
        """Choose what a record refers to; what belongs together shows late, when each has an incident of its own."""
        return self.random.choice(NAMES[osv_id][: None if len(self.told) > APART_FOR else 1])

    def _join(self) -> None:
        """Let a record say no more than that it is of a vulnerability known under another name."""
        osv_id = self.random.choice(("GHSA-3333-3333-3333", "PYSEC-2024-1"))
        if len(self.told) > APART_FOR:
            self._publish(self.model.advisories[osv_id] | self._names(osv_id))

    def _withdraw(self) -> None:
        if self.model.advisories:
            record = self.model.advisories[self.random.choice(sorted(self.model.advisories))]
            self._publish(record | {"withdrawn": "2026-03-01T00:00:00Z"})

    def _publish(self, record: Record) -> None:
        self.told.append(f"publish {record}")
        # Half of them are our own; an id stays with whoever had it first.
        if hash_of(record["id"]) % 2:
            self.story.publish(record)
        else:
            self.story.feed(record)
        self.model.tell(record)


def hash_of(name: str) -> int:
    return sum(map(ord, name))


def _instant(micros: int) -> datetime:
    return datetime.fromisoformat("1970-01-01T00:00:00+00:00") + timedelta(microseconds=micros)
