"""What is known of a component and a vulnerability, as every door shows it: why, how urgent, and what fixes it."""

from datetime import date
from typing import Literal

from pydantic import Field

from service.api.schemas import Answer


class WhyOut(Answer):
    """Why an advisory matches a component."""

    advisory: str
    certainty: Literal["certain", "possible"]
    rule: str = Field(description="range, or version where the advisory names this version itself")
    relation: str = Field(description="package, or source: the package that a distribution built it from")
    ecosystem: str
    release: str | None = Field(description="of the distribution, as the advisory names it")
    name: str = Field(description="as the advisory writes it")
    component_version: str = Field(description="what was compared")
    range: str
    fixed: str | None
    sentence: str = Field(description="all of this for people, and why a match is only possible")


class KevOut(Answer):
    """CISA lists it as known to be exploited."""

    cve: str
    added: date
    due: date | None = Field(description="until when CISA wants it fixed")
    ransomware: bool = Field(description="known to be used in ransomware campaigns")
    required_action: str


class EpssOut(Answer):
    """How likely it is to be exploited within thirty days."""

    cve: str
    score: float
    percentile: float = Field(description="the share of all vulnerabilities that score no higher")
    date: date | None


class CvssOut(Answer):
    """The vector that stands for its severity."""

    version: str
    vector: str
    score: float
    source: str = Field(description="the advisory that says so")


class SeverityOut(Answer):
    """The word that its severity comes from."""

    level: str
    source: str = Field(description="the advisory that says so")
    stated_as: str = Field(description="the field of its record; empty for records read before this was kept")


class SignalsOut(Answer):
    """What says how urgent it is."""

    kev: KevOut | None
    epss: EpssOut | None
    cvss: CvssOut | None
    severity: SeverityOut | None
    malware: bool


class FixesOut(Answer):
    """Which versions fix it in this component."""

    nearest: str | None = Field(description="the lowest version that no advisory about it affects")
    all: list[str] = Field(description="newer versions that some advisory names as fixed, ascending")
    known: bool = Field(description="whether there is a nearest")
    hint: str | None = Field(description="what is known where there is none")


class KnownOut(Answer):
    """What is known of one component and one vulnerability."""

    purl: str
    name: str
    version: str
    scope: str
    vulnerability: str
    advisories: list[str]
    severity: str
    kind: str
    informational: str | None = Field(
        description="the class of what is no vulnerability: unmaintained, unsound, notice, update"
    )
    certainty: Literal["certain", "possible"]
    note: str | None = Field(
        description="what to ask first: `dependency confusion?` where public malware bears a private package's name"
    )
    fixed_in: list[str]
    fixes: FixesOut
    incident: str | None
    exposure: str | None
    status: str | None
    signals: SignalsOut
