"""What was logged, whatever level the process has been configured to by other tests."""

import logging
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog
from structlog.testing import LogCapture

Entries = list[MutableMapping[str, Any]]


@contextmanager
def capture_logs() -> Iterator[Entries]:
    """Hear everything from here to the end of the block."""
    before, capture = structlog.get_config(), LogCapture()
    structlog.configure(processors=[capture], wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG))
    try:
        yield capture.entries
    finally:
        structlog.configure(**before)
