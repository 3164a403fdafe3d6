"""A feed on loopback, of the folder that each file of tests fills in its own way."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from osv_bucket import Bucket, serve_bucket


@pytest.fixture
def bucket(folder: Path) -> Iterator[Bucket]:
    with serve_bucket(folder) as running:
        yield running
