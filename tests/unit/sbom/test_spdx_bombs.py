"""Bombs in YAML, XML and RDF: each gets its answer within limits, and the memory of this process stays small."""

import time

import pytest

from service.sbom import Malformed, TooDeep, TooManyComponents, read
from service.sbom.spdx_translated import TOOLS_MOST_BYTES

#: On a busy machine.
MOST_SECONDS = 20
HEAD = "spdxVersion: SPDX-2.3\nSPDXID: SPDXRef-DOCUMENT\nname: x\n"
RDF = '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:s="http://spdx.org/rdf/terms#">'
TURTLE = "@prefix s: <http://spdx.org/rdf/terms#> .\n"


def laughs(first: str) -> str:
    lines = [f"a0: &a0 {first}"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    return HEAD + "\n".join(lines) + "\npackages: *a11\n"


@pytest.mark.parametrize(
    "text",
    [
        laughs("[lol, lol, lol]"),
        laughs("{name: a}"),
        HEAD + f"x: &x {'y' * 1_000_000}\npackages: [{'*x, ' * 1_000}]\n",
    ],
    ids=["lists", "packages", "one long text"],
)
def test_aliases_that_add_up_are_refused(text: str) -> None:
    with pytest.raises(TooManyComponents, match="aliases"):
        read(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "packages: " + "[" * 200_000,
        HEAD + "packages: " + "{a: " * 200_000,
        HEAD + "packages:\n" + "".join(" " * depth + "-\n" for depth in range(3_000)),
        "<Document><spdxVersion/>" + "<packages>" * 100_000,
        RDF + "<s:Package><s:x>" * 100_000,
        TURTLE + "s:a s:b " + "[ s:b " * 100_000,
        TURTLE + "s:a s:b " + "( " * 100_000,
    ],
    ids=["yaml lists", "yaml mappings", "yaml indents", "xml", "rdf", "turtle nodes", "turtle lists"],
)
def test_deep_nesting_is_refused(text: str) -> None:
    began = time.monotonic()

    with pytest.raises((TooDeep, Malformed)):
        read(text.encode())

    assert time.monotonic() - began < MOST_SECONDS


def test_twenty_megabytes_of_yaml_are_read() -> None:
    package = "- {name: %d, SPDXID: SPDXRef-%d, versionInfo: 1.0, copyrightText: %s}\n"
    text = HEAD + "packages:\n" + "".join(package % (n, n, "c" * 10_000) for n in range(2_000))
    assert len(text) > 20_000_000

    document = read(text.encode())

    assert len(document.components) == 2_000


def test_what_is_too_large_for_spdx_tools_is_read_without_it() -> None:
    most = max(TOOLS_MOST_BYTES.values())
    text = HEAD + "packages: [{name: a}]\ncomment: " + "c" * most + "\n"

    document = read(text.encode())

    assert [one.name for one in document.components] == ["a"]
    assert "not-checked" in [one.code for one in document.warnings]
