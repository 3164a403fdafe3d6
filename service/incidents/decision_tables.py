"""Published decision tables, kept as data in `tables/`: one row for each combination of their inputs. Pure.

A file says its name, version and source, its inputs and outcomes, each from the least to the most urgent, and its rows.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from itertools import product
from typing import Final


@dataclass(frozen=True, slots=True)
class DecisionTable:
    """A table: values in the order of `inputs` lead to an outcome."""

    name: str
    version: str
    source: str
    inputs: Mapping[str, tuple[str, ...]]
    outcomes: tuple[str, ...]
    rows: Mapping[tuple[str, ...], str]

    def decide(self, values: Mapping[str, str]) -> str:
        """Give the outcome for a value of each input; what else *values* holds is left alone.

        Raises:
            KeyError: An input is missing, or has a value that the table does not know.
        """
        return self.rows[tuple(values[name] for name in self.inputs)]


def read_table(text: str) -> DecisionTable:
    """Read a table from JSON.

    Raises:
        ValueError: It does not decide every combination of its inputs exactly once.
    """
    said = json.loads(text)
    inputs = {name: tuple(values) for name, values in said["inputs"].items()}
    rows = {tuple(row[:-1]): row[-1] for row in said["rows"]}
    wanted = set(product(*inputs.values()))
    if len(rows) != len(said["rows"]) or set(rows) != wanted or set(rows.values()) != set(said["outcomes"]):
        raise ValueError(f"{said['name']} {said['version']} does not decide each combination of its inputs once")
    return DecisionTable(said["name"], said["version"], said["source"], inputs, tuple(said["outcomes"]), rows)


def _shipped(file: str) -> DecisionTable:
    return read_table((files("service.incidents") / "tables" / file).read_text("utf-8"))


#: CISA's decision of SSVC: the class.
COORDINATOR: Final = _shipped("cisa_coordinator_2_0_3.json")
#: CISA's directive: until when it has to be remediated.
BOD_26_04: Final = _shipped("cisa_bod_26_04_1_0_0.json")
