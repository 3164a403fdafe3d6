"""Several licence statements as one SPDX-like expression."""

from collections.abc import Iterable


def all_of(statements: Iterable[str]) -> str:
    """Join *statements* (ids, names, expressions) by AND: all of them apply, as CycloneDX lists mean it.

    Names stay as they are, so the result need not parse as an SPDX expression.
    """
    distinct = list(dict.fromkeys(filter(None, statements)))
    if len(distinct) == 1:
        return distinct[0]
    return " AND ".join(f"({one})" if " OR " in one.upper() else one for one in distinct)
