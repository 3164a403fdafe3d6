"""Every match says why, in a sentence that names what was compared with what."""

from typing import Any

import pytest
from factories import make_component, make_product, make_stream, make_upload
from osv_bucket import make_affected, make_record, to_bytes
from sqlalchemy import select

from service.advisories.explaining import why_matched
from service.advisories.matching import match_advisories
from service.advisories.osv_record import read_record
from service.advisories.storing import store
from service.advisories.wording import UNEVALUATED, Why
from service.db import WriteSession
from service.inventory.catalogue_models import Component
from service.purls import identity
from service.sbom.document import Component as Listed

XZ = "pkg:deb/debian/liblzma5@5.6.1-1?upstream=xz-utils"
XZ_RANGE = ("introduced 5.5.1alpha-0.1", "fixed 5.6.1+really5.4.5-1")


def explained(session: WriteSession, listed: str | Listed, record: dict[str, Any]) -> Why:
    make_upload(session, make_stream(session, make_product(session)), listed)
    stored = store(session, [read_record(to_bytes(record))])
    match_advisories(session, stored.changed)
    (why,) = why_matched(session, session.scalars(select(Component.id)).all()).values()
    return why


def test_a_match_by_the_source_package_names_both(session: WriteSession) -> None:
    record = make_record("DEBIAN-CVE-2024-3094", "Debian:13/xz-utils", *XZ_RANGE)
    why = explained(session, f"{XZ}&distro=debian-13", record)
    assert why.sentence == (
        "liblzma5 5.6.1-1 is built from xz-utils 5.6.1-1, which DEBIAN-CVE-2024-3094 lists for Debian 13 as affected "
        "from 5.5.1alpha-0.1 up to, not including, 5.6.1+really5.4.5-1."
    )
    assert why.as_values() | {"sentence": ""} == {
        "advisory": "DEBIAN-CVE-2024-3094",
        "certainty": "certain",
        "rule": "range",
        "relation": "source",
        "ecosystem": "Debian",
        "release": "13",
        "name": "xz-utils",
        "component_version": "5.6.1-1",
        "range": ">=5.5.1alpha-0.1, <5.6.1+really5.4.5-1",
        "fixed": "5.6.1+really5.4.5-1",
        "sentence": "",
    }


@pytest.mark.parametrize(
    ("purl", "record", "sentence"),
    [
        (
            "pkg:npm/lodash@4.17.20",
            make_record("A-1", "npm/lodash", "introduced 0", "last_affected 4.17.20"),
            "lodash 4.17.20 is listed by A-1 for npm as affected in every version up to and including 4.17.20.",
        ),
        (
            "pkg:npm/lodash@4.17.20",
            make_record("A-1", "npm/lodash", "introduced 4.0.0", "limit 5.0.0"),
            "lodash 4.17.20 is listed by A-1 for npm as affected from 4.0.0 up to, not including, 5.0.0.",
        ),
        (
            "pkg:npm/lodash@4.17.20",
            make_record("A-1", "npm/lodash", "introduced 4.0.0"),
            "lodash 4.17.20 is listed by A-1 for npm as affected from 4.0.0 on.",
        ),
        (
            "pkg:npm/lodash@4.17.20",
            make_record("A-1", "npm/lodash", versions=["4.17.20"]),
            "lodash 4.17.20 is listed by A-1 for npm as affected in version 4.17.20, which it names.",
        ),
        (
            "pkg:brew/xz@5.6.1",
            make_record("A-1", "Homebrew/xz", versions=["5.6.1"]),
            "xz 5.6.1 is listed by A-1 for Homebrew as affected in version 5.6.1, which it names.",
        ),
        (
            "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1",
            make_record("A-1", "Maven/org.apache.logging.log4j:log4j-core", "introduced 0", "fixed 2.15.0"),
            (
                "log4j-core 2.14.1, as org.apache.logging.log4j:log4j-core, is listed by A-1 for Maven as affected in"
                " every version up to, not including, 2.15.0."
            ),
        ),
        (
            XZ,
            make_record("A-1", "Debian:13/xz-utils", "introduced 0"),
            (
                "liblzma5 5.6.1-1 is built from xz-utils 5.6.1-1, which A-1 lists for Debian 13 as affected in all"
                " versions. Only possible: nobody names the release of Debian that it belongs to."
            ),
        ),
        (
            f"{XZ}&distro=debian-13",
            make_record("A-1", "Debian/xz-utils", "introduced 0"),
            (
                "liblzma5 5.6.1-1 is built from xz-utils 5.6.1-1, which A-1 lists for Debian as affected in all"
                " versions. Only possible: the advisory names Debian without a release."
            ),
        ),
        (
            "pkg:npm/evil-pad@1.0.0",
            make_record("MAL-2024-1", "npm/evil-pad", "introduced 0"),
            (
                "evil-pad 1.0.0 is listed by MAL-2024-1 for npm as affected in all versions. Only possible: the malware"
                " record condemns every version of the name, and nothing says that this one came from the public"
                " registry."
            ),
        ),
        (
            "pkg:apk/alpine/xz@5.6.1?distro=alpine-3.20",
            make_record("A-1", "Alpine:v3.20/xz", "introduced 0", "fixed 5.6.1-r2"),
            (
                "xz 5.6.1 is listed by A-1 for Alpine v3.20 as affected in every version up to, not including,"
                " 5.6.1-r2. Only possible: 5.6.1 lacks the packaging's release, which decides between builds of one"
                " version."
            ),
        ),
    ],
)
def test_a_match_is_told_in_a_sentence(session: WriteSession, purl: str, record: dict[str, Any], sentence: str) -> None:
    assert explained(session, purl, record).sentence == sentence


def test_an_exact_entry_explains_before_a_possible_one(session: WriteSession) -> None:
    record = make_record("A-1") | {
        "affected": [
            make_affected("Debian/xz-utils", "introduced 0"),
            make_affected("Debian:13/xz-utils", "introduced 5.6.0", "fixed 5.6.2"),
        ]
    }
    why = explained(session, f"{XZ}&distro=debian-13", record)
    assert (why.certainty, why.release, why.range) == ("certain", "13", ">=5.6.0, <5.6.2")


def test_a_rebuilt_binary_is_compared_as_its_source(session: WriteSession) -> None:
    listed = make_component("pkg:deb/debian/xz-utils@5.6.1-1%2Bb1?distro=debian-13&upstream=xz-utils%405.6.1-1")
    why = explained(session, listed, make_record("A-1", "Debian:13/xz-utils", "introduced 0"))
    assert why.sentence == (
        "xz-utils 5.6.1-1+b1, compared as 5.6.1-1, is listed by A-1 for Debian 13 as affected in all versions."
    )


def test_every_reason_not_to_evaluate_has_its_sentence() -> None:
    constants = (
        value
        for name, value in vars(identity).items()
        if isinstance(value, str) and name.isupper() and "-" in value and not name.startswith(("_", "BY_"))
    )
    assert set(constants) <= set(UNEVALUATED)
