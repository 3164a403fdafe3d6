from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest
import vex_oracles
from cyclonedx.model.bom import Bom
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion

from service.flows.vex_telling import write
from service.incidents.guards import JUSTIFICATIONS
from service.incidents.vex import csaf, cyclonedx, openvex
from service.incidents.vex.reading import read_vex
from service.incidents.vex.statements import (
    FIVE,
    NINE,
    Binding,
    Claims,
    Format,
    Issue,
    Part,
    PartRange,
    ProductVersion,
    Publisher,
    Status,
    Telling,
    Told,
)

NOON = datetime(2024, 4, 1, 12, tzinfo=UTC)
SHOP = ProductVersion(
    purl="pkg:generic/shop?stream=main",
    name="Shop, main",
    version="",
    stream="main",
    release="",
    bom_link="urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/1",
)
RELEASE = replace(SHOP, purl="pkg:generic/shop@1.4.2?stream=main", name="Shop 1.4.2", version="1.4.2", release="1.4.2")
XZ = Part("pkg:deb/debian/liblzma5@5.6.1-1?distro=debian-13", "liblzma5", "5.6.1-1")
SCOPED = Part("pkg:npm/%40acme/ui@1.0.0", "ui", "1.0.0")
RANGE = PartRange("pkg:deb/debian/liblzma5?distro=debian-13", "vers:deb/>=5.6.0|<5.6.1%2Breally5.4.5-1")


def told(number: int, status: Status, justification: str = "", answer: str = "", **fields: object) -> Told:
    values: dict[str, object] = {
        "exposure": f"EXP-{number}",
        "incident": f"INC-{number}",
        "names": (f"CVE-2024-{number:04}", f"GHSA-aaaa-bbbb-{number:04}"),
        "title": "Something is rotten",
        "status": status,
        "justification": justification,
        "reason": f"Because of {number}: it is so." if status != Status.UNDER_INVESTIGATION else "",
        "answer": answer,
        "first_at": NOON,
        "since": NOON + timedelta(hours=number),
        "places": ((SHOP, XZ), (RELEASE, XZ), (SHOP, SCOPED)),
        "ranges": (RANGE,) if justification else (),
    }
    return Told(**(values | fields))  # type: ignore[arg-type]


EVERYTHING = (
    *(told(10 + number, Status.NOT_AFFECTED, name) for number, name in enumerate(JUSTIFICATIONS)),
    told(30, Status.UNDER_INVESTIGATION),
    *(
        told(40 + number, Status.AFFECTED, answer=answer)
        for number, answer in enumerate(("update", "rollback", "workaround", "removal", "claimed", "accepted", ""))
    ),
    told(50, Status.FIXED),
    told(60, Status.RETRACTED),
    told(70, Status.UNDER_INVESTIGATION, names=("INC-70", "CVE-soon")),
    told(80, Status.UNDER_INVESTIGATION, names=("CVE-2024-0030", "CVE-2024-0081", "MAL-2024-1")),
)


def telling(*statements: Told, versions: int = 3, restricted: bool = False) -> Telling:
    return Telling(
        slug="shop",
        title="Shop",
        publisher=Publisher("Acme", "https://acme.example"),
        address="https://muster.acme.example/v1/vex/shop",
        tool_version="1.0",
        restricted=restricted,
        statements=statements or EVERYTHING,
        issue=Issue(
            "https://muster.acme.example/v1/vex/shop", tuple(NOON + timedelta(days=n) for n in range(versions))
        ),
    )


def written(what: Telling, form: Format) -> bytes:
    if form is Format.CYCLONEDX:
        return cyclonedx.write(what)
    return orjson.dumps(openvex.write(what) if form is Format.OPENVEX else csaf.write(what))


def read(document: bytes) -> Claims:
    return read_vex(document).claims


def test_the_nine_are_those_that_people_choose_from() -> None:
    assert tuple(FIVE) == JUSTIFICATIONS
    assert set(FIVE.values()) <= set(NINE)
    assert all(FIVE[NINE[five]] == five for five in FIVE.values())


@pytest.mark.parametrize("form", Format)
def test_what_is_written_is_valid_by_the_published_schema(form: Format) -> None:
    assert vex_oracles.faults(written(telling(), form)) == []
    assert vex_oracles.faults(written(telling(versions=1, restricted=True), form)) == []


def test_csafs_mandatory_tests_would_notice() -> None:
    document = csaf.write(telling())
    document["vulnerabilities"][0].pop("threats")
    document["vulnerabilities"][0].pop("flags")
    document["vulnerabilities"][1]["product_status"]["known_affected"] = ["nowhere"]
    document["document"]["tracking"]["revision_history"].pop(1)
    assert {fault.split()[0] for fault in vex_oracles.csaf_faults(document)} >= {"6.1.1", "6.1.27", "6.1.21"}


@pytest.mark.parametrize("form", Format)
def test_what_is_written_reads_back_as_the_same_statements(form: Format) -> None:
    claims = read(written(telling(), form))
    seen = {name: claim for claim in claims.claims for name in claim.names[:1]}
    for one in EVERYTHING:
        if form is Format.OPENVEX and one.status is Status.RETRACTED:
            continue
        claim = (
            next(c for c in claims.claims if set(c.names) == set(one.names))
            if len(one.names) > 1
            else seen[one.names[0]]
        )
        assert claim.status is one.status
        assert claim.justification == (one.justification or None)
        # CSAF says nothing of why something is fixed or under investigation.
        assert claim.reason == one.reason or (form is Format.CSAF and one.status is Status.FIXED)
        assert exact(claim.bindings) == {(place.purl, part.purl) for place, part in one.places}
        assert bool(ranged(claim.bindings)) == bool(one.ranges)
        assert ranged(claim.bindings) <= {RANGE.versions}


def exact(bindings: tuple[Binding, ...]) -> set[tuple[str, str]]:
    return {(b.product.purl, b.component.purl) for b in bindings if b.product and b.component and not b.versions}


def ranged(bindings: tuple[Binding, ...]) -> set[str]:
    assert all(b.component and b.component.purl.startswith("pkg:deb") for b in bindings if b.versions)
    return {b.versions for b in bindings if b.versions}


@pytest.mark.parametrize("form", Format)
def test_author_id_and_version_are_read_back(form: Format) -> None:
    claims = read(written(telling(), form))
    assert claims.format is form
    assert claims.author == "https://acme.example"
    assert claims.order == (3,)
    assert claims.issued_at == NOON + timedelta(days=2)
    assert claims.id == read(written(telling(told(1, Status.FIXED), versions=4), form)).id


@pytest.mark.parametrize("form", Format)
def test_the_same_is_written_as_the_same_bytes(form: Format) -> None:
    assert written(telling(), form) == written(telling(), form)


def test_a_large_one_is_written_elsewhere_as_the_same_bytes() -> None:
    many = telling(*(told(number, Status.UNDER_INVESTIGATION) for number in range(301)))
    assert write(many, Format.CYCLONEDX) == cyclonedx.write(many)


@pytest.mark.filterwarnings("ignore:The Component this BOM is describing")
def test_cyclonedx_in_xml_says_what_it_says_in_json() -> None:
    json = written(telling(), Format.CYCLONEDX)
    bom = Bom.from_json(orjson.loads(json))  # type: ignore[attr-defined]  # made by its decorator
    xml = make_outputter(bom, OutputFormat.XML, SchemaVersion.V1_6).output_as_string()
    ours, theirs = read(json), read(xml.encode())
    assert replace(theirs, claims=()) == replace(ours, claims=())
    assert [(c.names, c.status, c.justification, c.reason, set(c.bindings)) for c in theirs.claims] == [
        (c.names, c.status, c.justification, c.reason, set(c.bindings)) for c in ours.claims
    ]


def test_protection_outside_of_the_product_is_no_reason_to_call_it_not_affected() -> None:
    outside = telling(told(1, Status.NOT_AFFECTED, "protected_at_perimeter"))
    statement = openvex.write(outside)["statements"][0]
    assert (statement["status"], "justification" in statement) == ("affected", False)
    vulnerability = csaf.write(outside)["vulnerabilities"][0]
    assert list(vulnerability["product_status"]) == ["known_affected"]
    assert vulnerability["remediations"][0]["category"] == "mitigation"


def test_what_was_retracted_leaves_openvex() -> None:
    document = openvex.write(telling(told(1, Status.RETRACTED), told(2, Status.FIXED)))
    assert [one["vulnerability"]["name"] for one in document["statements"]] == ["CVE-2024-0002"]
