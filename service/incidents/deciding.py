"""The decision: how urgent one incident is in one product, and from which inputs that follows. Pure.

Malicious code and what the CERT declares as such need no table. Where a CVSS vector or CISA's catalogue gives the
tables their inputs, they decide; an input that nobody knows counts as its worst value (CERT/CC: where nothing is known,
all values are possible). Where there are only words, the words do. The strictest wins: a class never has more time than
the directive gives, and time that belongs to a more urgent class makes it that class, though never Act.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

from service.incidents.decision_tables import BOD_26_04, COORDINATOR, DecisionTable
from service.incidents.priority import CLOCKS, PRIORITIES

#: The directive's outcomes as time; the next upgrade of the system is when it is: the class' own budget counts.
_TIMES = {
    "fix on system upgrade": None,
    "60 days": timedelta(days=60),
    "14 days": timedelta(days=14),
    "3 days": timedelta(days=3),
    "3 days & forensic investigation": timedelta(days=3),
}
#: Where only words are known (OpenChain's matrix for the European Cyber Resilience Act). What nobody said has no time
#: of its own: it counts as high, and has the time of that class.
_BY_WORD = {"critical": timedelta(days=7), "high": timedelta(days=30), "medium": timedelta(days=90)}
_CLASS_BY_WORD = {"critical": "attend", "high": "track*", "unscored": "track*"}
#: What a likely exploitation makes of a class that follows from words; never Act, which takes a known one.
_LIFTED = {"track": "track*", "track*": "attend"}

_MISSION = {"low": "low", "medium": "medium", "high": "high", "mission-critical": "high"}


class Said(NamedTuple):
    """A value, and where it comes from in a short sentence."""

    value: str
    source: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an incident, whatever the product.

    Attributes:
        forced: Why it is Act whatever the tables say; '' where they decide.
        severity: The worst word; `unscored` where nobody said one.
        exploitation: ``none``, ``public poc``, ``active``.
        automatable: ``yes`` or ``no``; None where no vector says so.
        technical_impact: ``total`` or ``partial``; None where nothing says so.
    """

    severity: Said
    exploitation: Said
    automatable: Said | None = None
    technical_impact: Said | None = None
    forced: str = ""

    @property
    def confirmed(self) -> bool:
        """Tell whether harm is known and not only possible."""
        return bool(self.forced) or self.exploitation.value == "active"

    def as_values(self) -> dict[str, Any]:
        """Give them as they are stored with the incident."""
        said = {name: getattr(self, name) for name in _SAID}
        return {"forced": self.forced} | {name: list(one) for name, one in said.items() if one is not None}


_SAID = ("severity", "exploitation", "automatable", "technical_impact")


def read_facts(values: Mapping[str, Any] | None) -> Facts:
    """Read stored facts; an incident that has none yet is one of which nothing is known."""
    values = values or {}
    said = {name: Said(*values[name]) for name in _SAID if name in values}
    return Facts(**({"severity": NOTHING_SAID, "exploitation": NOT_EXPLOITED} | said), forced=values.get("forced", ""))


NOTHING_SAID = Said("unscored", "no advisory rates it")
NOT_EXPLOITED = Said("none", "CISA does not list it and EPSS does not expect it")


class Place(NamedTuple):
    """What is known of a product: how much it matters, and whether it can be reached from the internet."""

    tier: str = "medium"
    exposed: bool = False


#: Where an incident is looked at without any product.
ANYWHERE = Place()


@dataclass(frozen=True, slots=True)
class Decision:
    """A class, the time there is to remediate, and what both follow from."""

    priority: str
    remediate_within: timedelta
    rule: str
    inputs: Mapping[str, Said]
    tables: tuple[tuple[DecisionTable, str], ...] = ()
    confirmed: bool = False

    def as_values(self) -> dict[str, Any]:
        """Give it as the API shows it, and as it is stored with the exposure."""
        return {
            "rule": self.rule,
            "outcome": self.priority,
            "remediate_within_days": self.remediate_within.days,
            "confirmed": self.confirmed,
            "forensics": any("forensic" in outcome for _, outcome in self.tables),
            "tables": [{"name": t.name, "version": t.version, "outcome": outcome} for t, outcome in self.tables],
            "inputs": [{"name": name, "value": one.value, "source": one.source} for name, one in self.inputs.items()],
        }


def decide(facts: Facts, place: Place = ANYWHERE) -> Decision:
    """Decide how urgent it is."""
    if facts.forced:
        inputs = {"class": Said("declared" if "declared" in facts.forced else "malicious code", facts.forced)}
        return Decision("act", CLOCKS["act"].remediate, "forced", inputs | _of_place(place), confirmed=True)
    if facts.automatable is None and facts.exploitation.value != "active":
        return _by_words(facts, place)
    return _by_tables(facts, place)


def _by_tables(facts: Facts, place: Place) -> Decision:
    listed = facts.exploitation.value == "active"
    inputs = {
        "exploitation": facts.exploitation,
        "automatable": facts.automatable or Said("yes", "no CVSS vector says, so it may be"),
        "technical_impact": facts.technical_impact or Said("total", "nobody rates it, so it may be"),
        **_of_place(place),
        "in_kev": Said("yes", facts.exploitation.source) if listed else Said("no", "CISA does not list it"),
    }
    values = {name: said.value for name, said in inputs.items()}
    outcome, timeline = COORDINATOR.decide(values), BOD_26_04.decide(values)
    priority, within = _strictest(outcome, _TIMES[timeline])
    tables = ((COORDINATOR, outcome), (BOD_26_04, timeline))
    return Decision(priority, within, "tables", inputs, tables, confirmed=facts.confirmed)


def _by_words(facts: Facts, place: Place) -> Decision:
    word = facts.severity.value
    priority = _CLASS_BY_WORD.get(word, "track")
    if facts.exploitation.value != "none":
        priority = _LIFTED.get(priority, priority)
    priority, within = _strictest(priority, _BY_WORD.get(word))
    inputs = {"severity": facts.severity, "exploitation": facts.exploitation} | _of_place(place)
    return Decision(priority, within, "words", inputs)


def _of_place(place: Place) -> dict[str, Said]:
    exposed = "can be reached from the internet" if place.exposed else "cannot be reached from the internet"
    return {
        "mission_impact": Said(_MISSION[place.tier], f"the product's tier is {place.tier}"),
        "publicly_exposed": Said("yes" if place.exposed else "no", f"the product {exposed}"),
    }


def _strictest(priority: str, within: timedelta | None) -> tuple[str, timedelta]:
    """Combine a class with the time that a rule gives."""
    if within is None:
        return priority, CLOCKS[priority].remediate
    fitting = next((name for name in ("attend", "track*") if within <= CLOCKS[name].remediate), "track")
    urgent = min(priority, fitting, key=PRIORITIES.index)
    return urgent, min(within, CLOCKS[urgent].remediate)
