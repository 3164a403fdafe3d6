"""Documents of a great many tiny values: refused soon, before they take many times their size in memory."""

import time
import tracemalloc

import pytest

from service.sbom import Malformed, TooManyComponents, read

CYCLONEDX = b'{"bomFormat": "CycloneDX", "specVersion": "1.5", "components": [%s]}'
SIZE = 16_000_000


def filled(head: bytes, piece: bytes, tail: bytes) -> bytes:
    return head + piece * (SIZE // len(piece)) + tail


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (filled(b'{"bomFormat":"CycloneDX","components":[', b"{},", b"{}]}"), "objects"),
        (filled(b'{"bomFormat":"CycloneDX","components":[', b'{"name":"ab"},', b"{}]}"), "objects"),
        (filled(b'{"spdxVersion":"SPDX-2.3","packages":[', b'{"name":"a"},', b"{}]}"), "objects"),
        (filled(b'{"spdxVersion":"SPDX-2.3","documentDescribes":[', b'"ab",', b'"a"]}'), "strings"),
        (filled(b'{"bomFormat":"CycloneDX","dependencies":[{"ref":"a","dependsOn":[', b'"ab",', b'"a"]}]}'), "strings"),
        (filled(b'{"bomFormat":"CycloneDX","components":[', b"0,", b"0]}"), "values"),
        (filled(b'{"bomFormat":"CycloneDX","components":[{"name":1,"hashes":[', b"0,", b"{}]}]}"), "values"),
    ],
)
def test_a_crowd_of_tiny_values_is_refused_before_it_takes_memory(data: bytes, what: str) -> None:
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(TooManyComponents, match=what):
        read(data)
    seconds, (_, peak_bytes) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert seconds < 2
    assert peak_bytes < 2 * len(data)


def test_a_crowd_hides_nowhere() -> None:
    sparse, crowd = b'"%s",' % (b"x" * 1_000), b"{}," * 2_000_000

    for before in (0, 3_000, 8_000):
        padding = sparse * before + crowd + sparse * (8_000 - before)
        with pytest.raises(TooManyComponents):
            read(b'{"bomFormat":"CycloneDX","x":[%s0]}' % padding)


def test_too_many_values_of_the_wrong_type_are_refused() -> None:
    with pytest.raises(Malformed, match="wrong type"):
        read(CYCLONEDX % (b"                0," * 300_000 + b"0"))


def test_a_large_document_of_ordinary_components_is_read() -> None:
    one = b'{"type":"library","name":"lib-%06d","version":"1.2.3","purl":"pkg:npm/lib-%06d@1.2.3"},'
    listed = b"".join(one % (number, number) for number in range(60_000))

    assert len(read(CYCLONEDX % listed[:-1]).components) == 60_000
