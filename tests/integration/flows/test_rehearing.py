"""What an older version of ours did not hear of where components came from is heard after an upgrade."""

from typing import Any

import pytest
from osv_bucket import make_record
from sboms import Part, listed, make_sbom
from sqlalchemy import Engine, text
from story import Story, statements

from service.db import reading, writing
from service.flows.rekeying import rekey

#: Every version of a name: it surely means only what came from the public registry.
CONDEMNED = make_record("MAL-2024-1", "npm/evil-pad", "introduced 0")
#: These versions: they do not mean what came from elsewhere.
LISTED = make_record("MAL-2024-2", "npm/left-pad", versions=["1.0.0"])
PUBLIC_HOST = "registry.npmjs" + ".org"


def obtained(purl: str, address: str) -> Part:
    return listed(purl) | {"externalReferences": [{"type": "distribution", "url": address}]}


def forget(engine: Engine) -> None:
    """Leave the database as a version that heard nothing of origins would have."""
    with writing(engine) as session:
        for statement in (
            "UPDATE component SET provenance = '', obtained_from = '', key_version = 1",
            "UPDATE component_coord SET provenance = ''",
            "UPDATE document SET heard = false",
        ):
            session.execute(text(statement))


def known(engine: Engine) -> list[tuple[Any, ...]]:
    with reading(engine) as session:
        rows = session.execute(text("SELECT purl, provenance, obtained_from FROM component ORDER BY purl"))
        return [tuple(row) for row in rows]


@pytest.fixture
def upgraded(story: Story) -> Story:
    story.feed(CONDEMNED, LISTED)
    story.upload("shop", obtained("pkg:npm/evil-pad@1.0.0", f"https://{PUBLIC_HOST}/evil-pad/-/evil-pad-1.0.0.tgz"))
    story.upload("blog", "pkg:npm/left-pad@1.0.0?repository_url=https://nexus.acme.example/npm")
    return story


def test_malware_that_stands_by_its_origin_still_stands_after_an_upgrade(upgraded: Story) -> None:
    right = known(upgraded.engine)
    assert [upgraded.status("shop", "MAL-2024-1"), upgraded.status("blog", "MAL-2024-2")] == ["open", None]
    exposure = upgraded.exposure("shop", "MAL-2024-1")
    assert exposure is not None
    before = len(upgraded.steps(exposure))

    forget(upgraded.engine)
    rekey(upgraded.engine, now=upgraded.tick())

    assert known(upgraded.engine) == right
    assert [upgraded.status("shop", "MAL-2024-1"), upgraded.status("blog", "MAL-2024-2")] == ["open", None]
    assert len(upgraded.steps(exposure)) == before
    assert upgraded.differences() == []


def test_what_is_no_longer_in_the_field_is_heard_as_well(upgraded: Story) -> None:
    right = known(upgraded.engine)
    upgraded.upload("shop", "pkg:npm/harmless@1.0.0")

    forget(upgraded.engine)
    rekey(upgraded.engine, now=upgraded.tick())

    assert [row for row in known(upgraded.engine) if row in right] == right


def test_a_document_that_can_no_longer_be_read_keeps_nobody_waiting(upgraded: Story) -> None:
    right = known(upgraded.engine)
    forget(upgraded.engine)
    with writing(upgraded.engine) as session:
        session.execute(text(r"UPDATE document SET content = '\x00' WHERE id = (SELECT min(id) FROM document)"))
    rekey(upgraded.engine, now=upgraded.tick())
    assert known(upgraded.engine) != right
    assert rekey(upgraded.engine, now=upgraded.tick()) == (0, 0)


def test_nothing_left_to_hear_costs_one_look(upgraded: Story) -> None:
    with statements(upgraded.engine) as sent:
        assert rekey(upgraded.engine, now=upgraded.tick()) == (0, 0)
    assert sum(count for statement, count in sent.items() if "document" in statement) == 1


def test_bytes_that_come_again_are_heard_by_whoever_brings_them(story: Story) -> None:
    data = make_sbom(obtained("pkg:npm/evil-pad@1.0.0", f"https://{PUBLIC_HOST}/evil-pad/-/evil-pad-1.0.0.tgz"))
    story.send(data, "shop")
    with reading(story.engine) as session:
        assert session.scalar(text("SELECT bool_and(heard) FROM document")) is True
