"""How errors of this door are described; they are written as everywhere else, by kind."""

from typing import Any

PROBLEM = "application/problem+json"


def problems(**said: str) -> dict[int | str, dict[str, Any]]:
    """Declare a route's problems: ``responses=problems(_409="It is there already")``."""
    content = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {int(status[1:]): {"description": text, "content": content} for status, text in said.items()}


NOT_FOUND = problems(_404="The project could not be found")
