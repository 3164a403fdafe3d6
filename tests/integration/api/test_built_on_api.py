"""What a product is built on, over HTTP: said, read, refused where it makes a circle."""

from typing import Any

from sboms import make_sbom


def test_a_product_says_what_it_is_built_on(admin: Any) -> None:  # noqa: ANN401 - the client of conftest
    for product in ("base", "shop"):
        admin.post(f"/v1/products/{product}/sboms", content=make_sbom("pkg:npm/lodash@4.17.20"))
    etag = admin.get("/v1/products/shop").headers["ETag"]
    said = admin.patch("/v1/products/shop", json={"built_on": {"product": "base"}}, headers={"If-Match": etag})
    assert (said.status_code, said.json()["built_on"]) == (200, {"product": "base", "stream": "main"})
    etag = admin.get("/v1/products/base").headers["ETag"]
    circle = admin.patch("/v1/products/base", json={"built_on": {"product": "shop"}}, headers={"If-Match": etag})
    assert circle.json()["type"].rsplit("/")[-1] == "circular-base"
    unknown = admin.patch("/v1/products/base", json={"built_on": {"product": "nothing"}}, headers={"If-Match": etag})
    assert unknown.status_code == 404
    cut = admin.patch("/v1/products/shop", json={"built_on": None}, headers={"If-Match": said.headers["ETag"]})
    assert cut.json()["built_on"] is None
