import json

import pytest
from real_files import Corpus

from service.advisories.own_ids import PUBLIC_PREFIXES, is_private, is_public, suggested_id


@pytest.mark.parametrize("osv_id", ["CVE-2026-1", "cve-2026-1", "GHSA-2222-3333-4444", "MAL-1", "SUSE-SU-2024:1-1"])
def test_a_public_id_is_known_by_its_prefix(osv_id: str) -> None:
    assert is_public(osv_id)


@pytest.mark.parametrize("osv_id", ["x_ACME-2026-0001", "ACME-1", "go-live-2024-1", "CVE", "xCVE-2026-1", "OWN-1"])
def test_other_ids_are_anybodys(osv_id: str) -> None:
    assert not is_public(osv_id)


def test_the_schemas_form_for_private_databases() -> None:
    assert is_private("x_ACME-2026-0001")
    assert not any(map(is_private, ("x_", "X_ACME-1", "ACME-1")))
    assert suggested_id("ACME-1", year=2026) == "x_ACME-1"
    assert suggested_id("CVE-2024-3094", year=2026) == "x_ACME-2024-0001"
    assert suggested_id("MAL-1", year=2026) == "x_ACME-2026-0001"


def test_the_schemas_prefixes_are_all_known(corpus: Corpus) -> None:
    schema = json.loads((corpus("schemas") / "osv" / "osv-schema-2026-07.json").read_text())
    pattern = schema["$defs"]["prefix"]["pattern"]
    listed = (
        pattern.removeprefix("^(x_|(").removesuffix(")-)").replace("SUSE-[SRFO]U", "SUSE-SU|SUSE-RU|SUSE-FU|SUSE-OU")
    )
    assert set(listed.split("|")) == set(PUBLIC_PREFIXES)
