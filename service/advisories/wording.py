"""Why an advisory is said to concern a component, as a sentence. Pure.

One sentence has the component, what it was compared as, the advisory, the release and the versions it lists; where a
match is only possible, a second one says why. Reasons of components that cannot be evaluated read likewise.
"""

from typing import Final, NamedTuple

from service.purls import PURL_PLACE, base_of, identity


class Why(NamedTuple):
    """One advisory's match of one component, taken apart.

    Attributes:
        advisory: Its id.
        certainty: ``certain`` or ``possible``.
        rule: ``range``, ``version`` where the advisory lists this version by itself, or ``declared-`` and a word.
        relation: ``package``, or ``source``: name and version are those of the source package.
        ecosystem: OSV's, without the release.
        release: Of the advisory's entry (``13``); '' where it has none.
        name: As the advisory writes it.
        component_version: What was compared.
        range: The versions it lists: ``>=5.6.0, <5.6.2``.
        fixed: The version that ends them; '' if nobody names one.
        sentence: All of this for people.
    """

    advisory: str
    certainty: str
    rule: str
    relation: str
    ecosystem: str
    release: str
    name: str
    component_version: str
    range: str
    fixed: str
    sentence: str

    def as_values(self) -> dict[str, object]:
        """Give it as the API shows it."""
        return {**self._asdict(), "release": self.release or None, "fixed": self.fixed or None}


class Versions(NamedTuple):
    """Versions that an advisory lists: an interval whose empty bounds are open, or one exact version."""

    lo: str
    hi: str
    hi_included: bool
    rule: str

    def as_range(self) -> str:
        """Write ``>=5.6.0, <5.6.2``."""
        if self.rule == "version":
            return f"={self.lo}"
        lower = f">={self.lo}" if self.lo else ""
        upper = f"{'<=' if self.hi_included else '<'}{self.hi}" if self.hi else ""
        return ", ".join(filter(None, (lower, upper))) or "all versions"

    def in_words(self) -> str:
        """Write ``from 5.6.0 up to, not including, 5.6.2``."""
        if self.rule == "version":
            return f"in version {self.lo}, which it names"
        end = f"up to{' and including' if self.hi_included else ', not including,'} {self.hi}"
        if self.lo and self.hi:
            return f"from {self.lo} {end}"
        if self.lo:
            return f"from {self.lo} on"
        return f"in every version {end}" if self.hi else "in all versions"

    def bounds(self) -> list["Bound"]:
        """Give what a version has to hold to lie inside."""
        if self.rule == "version":
            return [Bound("=", self.lo)]
        lower = [Bound("≥", self.lo)] if self.lo else []
        return lower + ([Bound("≤" if self.hi_included else "<", self.hi)] if self.hi else [])


class Bound(NamedTuple):
    """One comparison that a version has to hold."""

    sign: str
    version: str

    def holds(self, order: int) -> bool:
        """Tell whether a version of this order (-1, 0, 1) to the bound holds it."""
        return {"=": order == 0, "≥": order >= 0, "≤": order <= 0, "<": order < 0}[self.sign]

    def opposite(self, order: int) -> str:
        """Give the sign of an order."""
        return "<" if order < 0 else ">" if order > 0 else "="


class Doubt(NamedTuple):
    """What keeps a match from being certain; all False where nothing does, or nobody knows."""

    condemned: bool = False
    bare: bool = False
    release_unknown: bool = False
    unevaluated: str = ""
    build: bool = False
    documentation: bool = False
    confusion: bool = False


def split_ecosystem(ecosystem: str) -> tuple[str, str]:
    """Split ``Debian:13`` into ecosystem and release; what has no releases stays whole."""
    base = base_of(ecosystem)
    return (base, ecosystem[len(base) + 1 :]) if base else (ecosystem, "")


def ecosystem_in_words(ecosystem: str) -> str:
    """Write ``Debian:13`` as ``Debian 13``, and what OSV has no name for as purls do: ``rpm/fedora``."""
    if ecosystem.startswith(f"{PURL_PLACE}:"):
        return ecosystem.removeprefix(f"{PURL_PLACE}:")
    base, release = split_ecosystem(ecosystem)
    return f"{base} {release.replace(':', ' ').strip()}" if release else ecosystem


def shown(name: str, version: str) -> str:
    """Write a component in a line."""
    return f"{name} {version}".strip()


def sentence(
    component: tuple[str, str], relation: str, listed: tuple[str, str], compared: str, advisory: str, versions: Versions
) -> str:
    """Say why an advisory matches.

    Args:
        component: Name and version as people read them.
        relation: ``package`` or ``source``.
        listed: Ecosystem and name as the advisory writes them.
        compared: The version that was compared.
        advisory: Its id.
        versions: What it lists.
    """
    ecosystem, name = listed
    place = f"for {ecosystem_in_words(ecosystem)} as affected {versions.in_words()}"
    own = shown(*component)
    if relation == "source":
        return f"{own} is built from {shown(name, compared)}, which {advisory} lists {place}."
    said = []
    if name != component[0]:
        said.append(f"as {name}")
    if compared != component[1]:
        said.append(f"compared as {compared}")
    aside = f", {', '.join(said)}," if said else ""
    return f"{own}{aside} is listed by {advisory} {place}."


#: How a component was reached, by the word of the declaration.
_REACHED: Final = {
    "hash": "{own} has the hash {target}",
    "purl": "{own} is {target}",
    "name": "{own} goes by the name {target}",
    "source": "{own} is built from {target}",
    "family": "{own} carries the code of {target}",
}


def declared_sentence(component: tuple[str, str], word: str, target: str, advisory: str, ranges: str) -> str:
    """Say why a declaration of ours matches: by which of its words, and in which versions."""
    reached = _REACHED[word].format(own=shown(*component), target=target)
    return f"{reached}, which {advisory} declares affected in {ranges or 'all versions'}."


def declared_doubt(version: str) -> str:
    """Say why what we declared is only possible."""
    why = "its version numbers are its own" if version else "it has no version"
    return f"Only possible: {why}; its owner has to say."


def doubt_in_words(ecosystem: str, compared: str, doubt: Doubt) -> str:
    """Say why a match is only possible."""
    base = split_ecosystem(ecosystem)[0]
    unknown, why = doubt.release_unknown, doubt.unevaluated
    reasons = (
        (
            doubt.confusion,
            (
                "the malware is on the public registry, and this is a name of the organisation's own, or came from"
                " elsewhere. If a build fetched it from the public registry, it is dependency confusion"
            ),
        ),
        (
            doubt.condemned,
            (
                "the malware record condemns every version of the name, and nothing says that this one came from the"
                " public registry"
            ),
        ),
        (
            unknown and why == identity.NO_RELEASE,
            f"{compared} lacks the packaging's release, which decides between builds of one version",
        ),
        (unknown and why == identity.UNKNOWN_RELEASE, f"nobody names the release of {base} that it belongs to"),
        (unknown, f"it may be of {ecosystem_in_words(ecosystem)}, and nothing says so"),
        (doubt.documentation, "it is documentation, and carries no code that runs"),
        (doubt.bare, f"the advisory names {base} without a release"),
        (doubt.build, "the advisory speaks of some builds of it, and nothing says that this is one of them"),
    )
    reason = next((words for holds, words in reasons if holds), "")
    return f"Only possible: {reason}." if reason else "Only possible."


#: Why no advisory can be matched, or none with certainty, by the reason as components keep it.
UNEVALUATED: Final = {
    identity.NO_PURL: "Nothing but a name identifies it: without a package URL nobody knows which ecosystem it is of.",
    identity.BAD_PURL: "Its package URL cannot be read.",
    identity.NO_VERSION: "It has no version that could be compared.",
    identity.NO_ECOSYSTEM: "OSV has no advisories for packages of its kind.",
    identity.NO_ORDERING: "Nobody can order its ecosystem's versions: only those that advisories list by name match.",
    identity.UNKNOWN_DISTRIBUTION: "It is a distribution's package, and nobody says of which distribution.",
    identity.UNKNOWN_RELEASE: "Nobody says which release of its distribution it belongs to: every match is a"
    " possibility.",
    identity.NO_RELEASE: "Its version lacks the packaging's release, which decides between builds of one version.",
    identity.IMAGE_LAYER: "It is a layer of an image, known by its digest alone.",
    identity.GO_DEVEL_VERSION: "Go's build tools give a main module, or one replaced by a folder, no version of its"
    " own.",
    identity.GO_LANGUAGE_VERSION: "It is the language version that a go.mod asks for; which toolchain built it, nobody"
    " says.",
    identity.GO_LOCAL_MODULE: "It is a folder beside the sources, published nowhere.",
    "unparsable-version": "Its ecosystem cannot read its version: only versions that advisories list by name match.",
}


def unevaluated_in_words(reason: str) -> str:
    """Say why a component cannot be evaluated; '' where it can."""
    return UNEVALUATED.get(reason, f"It cannot be evaluated: {reason}.") if reason else ""
