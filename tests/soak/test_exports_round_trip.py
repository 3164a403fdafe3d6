"""Real SBOMs, taken in, given out as CycloneDX and SPDX, and taken in again: the same components, the rest listed."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from real_files import Corpus
from serving import Served, serving

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]

#: Of the files in `sbom-dev`, every so many: about sixty, of every folder and format.
EVERY = 14
FORMATS = ("cyclonedx-1.6-json", "cyclonedx-1.7-xml", "spdx-2.3-json", "spdx-2.3-tag-value")


@pytest.fixture
def served(fresh_database: str) -> Iterator[Served]:
    with serving(fresh_database) as server:
        yield server


def test_what_is_given_out_is_taken_in_as_the_same(corpus: Corpus, served: Served) -> None:
    folder = corpus("sbom-dev")
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".tsv")[::EVERY]
    compared: Counter[str] = Counter()
    rest: list[str] = []
    for place, file in enumerate(files):
        product = f"/v1/products/file-{place}"
        if not served.client.post(f"{product}/sboms", content=file.read_bytes()).is_success:
            continue
        original = components(served, product, "main")
        if not original:  # SPDX has to list the subject then, and a document with one package is about that
            continue
        for form in FORMATS:
            answer = served.client.get(f"{product}/sbom", params={"format": form})
            assert answer.status_code == 200, (file, form, answer.text[:300])
            again = served.client.post(f"{product}/sboms", params={"stream": form}, content=answer.content)
            assert again.is_success, (file, form, again.text[:300])
            returned = components(served, product, form)
            compared[form] += sum(original.values())
            lost, gained = original - returned, returned - original
            rest += [
                f"{file.relative_to(folder)} as {form}: lost {lost.most_common(3)}, gained {gained.most_common(3)}"
            ] * bool(lost or gained)
    print(f"\n{len(files)} files; components compared: {dict(compared)}; {len(rest)} differ")
    print("\n".join(rest))
    assert compared.total() > 10_000
    assert rest == []


def components(served: Served, product: str, stream: str) -> Counter[tuple[str, str, str]]:
    """Count a stream's components: purl, or name where there is none, version, scope."""
    found: Counter[tuple[str, str, str]] = Counter()
    params: dict[str, Any] = {"stream": stream, "limit": 500}
    while True:
        page = served.client.get(f"{product}/components", params=params).json()
        found.update((one["purl"] or one["name"], one["version"], one["scope"]) for one in page["items"])
        if page["next"] is None:
            return found
        params["after"] = page["next"]
