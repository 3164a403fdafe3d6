"""How callers name an upload."""

import pytest

from service.inventory.snapshots import BadReference, Reference, parse_reference


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("12", Reference(None, "sbom", "12")),
        ("sbom:12", Reference(None, "sbom", "12")),
        ("release:1.4.2", Reference(None, "release", "1.4.2")),
        ("release:1.4.2@2.x", Reference(None, "release", "1.4.2@2.x")),
        ("stream:main", Reference(None, "stream", "main")),
        ("stream:feature/x:y", Reference(None, "stream", "feature/x:y")),
        ("stream:a/stream:b", Reference(None, "stream", "a/stream:b")),
        ("payments-api/stream:main", Reference("payments-api", "stream", "main")),
        ("payments-api/12", Reference("payments-api", "sbom", "12")),
        ("web.shop_2/release:1/2", Reference("web.shop_2", "release", "1/2")),
    ],
)
def test_a_reference_names_one_upload_of_this_product_or_another(text: str, meant: Reference) -> None:
    assert parse_reference(text) == meant


@pytest.mark.parametrize(
    "text",
    ["", " ", "main", "sbom:", "sbom:x", "stream:", "-1", "٣", "9" * 19 + "9", "stream:\0", "a/b", "x" * 501, "1\n2"],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(BadReference):
        parse_reference(text)
