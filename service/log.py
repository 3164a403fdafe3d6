"""Structured logs on standard error: for people, or as JSON lines where a machine collects them.

Never bodies, tokens or query strings.
"""

import logging
import sys
from typing import cast

import structlog


def configure(*, json: bool = False, level: str = "INFO") -> None:
    """Set up logging once, at the start of a process."""
    for_people = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer() if json else for_people,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )


def logger(room: str) -> structlog.stdlib.BoundLogger:
    """Give the logger of one room."""
    return cast("structlog.stdlib.BoundLogger", structlog.get_logger(room=room))
