"""A distribution's packages that carry no code which runs: the kernel's headers, documentation (``codeless.toml``)."""

import re
import tomllib
from fnmatch import translate
from functools import lru_cache
from pathlib import Path
from typing import Final

#: What a package without running code is: the tables of ``codeless.toml``, and `Coordinate.relation`.
HEADERS: Final = "headers"
DOCUMENTATION: Final = "documentation"


def _load() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    tables = tomllib.loads((Path(__file__).parent / "codeless.toml").read_text(encoding="utf-8"))
    rules: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    for what in (HEADERS, DOCUMENTATION):
        for kind, names in tables[what].items():
            pattern = re.compile("|".join(translate(name) for name in names))
            rules.setdefault(kind, []).append((what, pattern))
    return rules


_RULES: Final = _load()


@lru_cache(maxsize=16_384)
def codeless(kind: str, name: str) -> str:
    """Tell what a package without running code is: `HEADERS`, `DOCUMENTATION`, or '' where it may well run.

    Args:
        kind: The purl's type.
        name: The package's own.
    """
    return next((what for what, pattern in _RULES.get(kind, ()) if pattern.match(name)), "")
