"""The tables that are shipped are the published ones, and decide everything once."""

from itertools import product

import pytest

from service.incidents.decision_tables import BOD_26_04, COORDINATOR, DecisionTable, read_table

TABLES = (COORDINATOR, BOD_26_04)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_combination_of_inputs_is_decided_once(table: DecisionTable) -> None:
    assert set(table.rows) == set(product(*table.inputs.values()))
    assert set(table.rows.values()) == set(table.outcomes)


def test_the_tables_have_the_published_number_of_rows_and_outcomes() -> None:
    shares = {t.name: [list(t.rows.values()).count(outcome) for outcome in t.outcomes] for t in TABLES}
    assert shares == {"cisa_coordinator": [18, 4, 10, 4], "cisa_bod_26_04": [2, 3, 6, 2, 3]}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_worse_input_never_makes_it_less_urgent(table: DecisionTable) -> None:
    rank = table.outcomes.index
    for values, outcome in table.rows.items():
        for place, choices in enumerate(table.inputs.values()):
            at = choices.index(values[place])
            for worse in choices[at + 1 :]:
                other = table.rows[*values[:place], worse, *values[place + 1 :]]
                assert rank(other) >= rank(outcome), (values, worse)


#: What CISA said of the xz backdoor: no exploitation, automatable, total.
XZ = {"exploitation": "none", "automatable": "yes", "technical_impact": "total", "in_kev": "no"}


@pytest.mark.parametrize(
    ("mission", "exposed", "outcome", "timeline"),
    [
        ("medium", "no", "track", "60 days"),
        ("high", "no", "attend", "60 days"),
        ("high", "yes", "attend", "3 days"),
    ],
)
def test_the_xz_backdoor_by_its_published_scores(mission: str, exposed: str, outcome: str, timeline: str) -> None:
    values = XZ | {"mission_impact": mission, "publicly_exposed": exposed}
    assert COORDINATOR.decide(values) == outcome
    assert BOD_26_04.decide(values) == timeline


@pytest.mark.parametrize(
    ("row", "outcome"),
    [
        ("none no partial low", "track"),
        ("none no total high", "track*"),
        ("active no partial medium", "track"),
        ("active no total high", "act"),
        ("active yes total low", "attend"),
        ("active yes total medium", "act"),
    ],
)
def test_known_rows_of_the_coordinators_table(row: str, outcome: str) -> None:
    assert COORDINATOR.rows[tuple(row.split())] == outcome


@pytest.mark.parametrize(
    ("row", "outcome"),
    [
        ("no no no total", "fix on system upgrade"),
        ("yes no no partial", "14 days"),
        ("yes yes yes partial", "3 days"),
        ("yes no yes total", "3 days & forensic investigation"),
        ("no yes yes total", "3 days"),
        ("no yes no partial", "60 days"),
    ],
)
def test_known_rows_of_the_directive(row: str, outcome: str) -> None:
    assert BOD_26_04.rows[tuple(row.split())] == outcome


def test_what_is_listed_as_exploited_never_has_more_than_a_fortnight() -> None:
    listed = {outcome for values, outcome in BOD_26_04.rows.items() if values[0] == "yes"}
    assert listed == {"14 days", "3 days", "3 days & forensic investigation"}


@pytest.mark.parametrize("rows", ["[]", '[["a", "x"], ["a", "y"], ["b", "x"]]', '[["a", "x"], ["b", "z"]]'])
def test_a_table_with_holes_is_no_table(rows: str) -> None:
    head = '"name": "t", "version": "1", "source": "", "inputs": {"i": ["a", "b"]}, "outcomes": ["x"]'
    with pytest.raises(ValueError, match="each combination"):
        read_table(f'{{{head}, "rows": {rows}}}')
