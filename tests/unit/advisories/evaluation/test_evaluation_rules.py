"""One file per rule of evaluation: an entry, and what it says of versions. Each names its clause of the OSV schema.

Files without clause are about what the service does beside the schema (ADR 0010). Every rule is asked of the intervals
that are stored, and of the plain evaluator that walks the record.
"""

import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import interval_answers
import msgspec
import pytest
import slow_evaluator
from slow_evaluator import Answer, Package

from service.advisories.osv_schema import OsvAffected
from service.advisories.ranges import flatten
from service.purls import GIT

FOLDER = Path(__file__).parent


class Case(NamedTuple):
    """A version, and what the rule's entry says of it; `expected` is the name of its list in the file."""

    package: Package
    entry: dict[str, Any]
    expected: Answer


def cases(file: Path) -> list[Any]:
    rule = tomllib.loads(file.read_text(encoding="utf-8"))
    ecosystem, name = rule["ecosystem"], rule["name"]
    answers: tuple[Answer, ...] = ("affected", "unaffected", "unevaluated")
    return [
        pytest.param(Case(Package(ecosystem, name, version), rule["entry"], expected), id=f"{file.stem}: {version}")
        for expected in answers
        for version in rule.get(expected, [])
    ]


RULES = sorted(FOLDER.glob("*.toml"))
CASES = [case for file in RULES for case in cases(file)]


@pytest.mark.parametrize("case", CASES)
def test_the_stored_intervals_say_so(case: Case) -> None:
    affected, _ = flatten([msgspec.convert(case.entry, OsvAffected)])

    assert interval_answers.answer(case.package, affected) == case.expected


@pytest.mark.parametrize("case", [case for case in CASES if case.values[0].package.ecosystem != GIT])
def test_the_walk_over_the_events_says_so(case: Case) -> None:
    assert slow_evaluator.packages_in(case.entry) == case.package[:2]
    assert slow_evaluator.answer(case.package, case.entry) == case.expected


@pytest.mark.parametrize("case", [case for case in CASES if case.values[0].package.ecosystem == GIT])
def test_the_repositorys_revisions_say_so(case: Case) -> None:
    revisions = dict(slow_evaluator.repositories_in(case.entry))[case.package.name]

    assert (case.package.version in revisions) is (case.expected == "affected")
