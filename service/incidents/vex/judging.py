"""What the claims of a document amount to for each exposure, and why the rest amounts to nothing. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple
from urllib.parse import quote

from service.incidents.bounds import Bound, Used, bounds_of
from service.incidents.vex.binding import Meant, Ours, Reason, Spot, Unbound, holds
from service.incidents.vex.statements import Claim, Status


@dataclass(frozen=True, slots=True)
class Candidate:
    """An exposure that claims may be about: all places where its components are in the field."""

    exposure_id: int
    product: str
    spots: tuple[Spot, ...]


class Trust(NamedTuple):
    """Of what an author may speak: beginnings of purls and slugs of products; none: of anything."""

    packages: tuple[str, ...] = ()
    products: frozenset[str] = frozenset()


class Known(NamedTuple):
    """What we know under which name of a vulnerability; a name without candidates has no exposure."""

    ours: Ours
    candidates: Mapping[str, tuple[Candidate, ...]]


class Word(NamedTuple):
    """What one claim says of an exposure: of which of its spots (by position)."""

    claim: int
    meant: Meant
    spots: frozenset[int]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a document wants of an exposure.

    `act`: ``decide`` that it is not affected, ``claim`` that it is fixed, or ``note`` what is said; `short` is why a
    note is no more than that. `claims` are positions in the document.
    """

    exposure_id: int
    act: Literal["decide", "claim", "note"]
    status: Status
    justification: str | None
    reason: str
    claims: tuple[int, ...]
    bounds: tuple[Bound, ...] = ()
    short: Unbound | None = None


@dataclass(slots=True)
class Judged:
    """Wishes by exposure, and what is left of each claim: why a binding of it leads nowhere."""

    wishes: dict[int, Wish] = field(default_factory=dict)
    left: defaultdict[int, dict[Unbound, None]] = field(default_factory=lambda: defaultdict(dict))


def judge(claims: Iterable[Claim], known: Known, trust: Trust) -> Judged:
    """Say what claims amount to."""
    listed = tuple(claims)
    judged = Judged()
    words: defaultdict[int, list[Word]] = defaultdict(list)
    candidates: dict[int, Candidate] = {}
    for number, claim in enumerate(listed):
        about = _about(claim, known)
        if isinstance(about, Unbound):
            judged.left[number][about] = None
            continue
        candidates |= about
        for exposure_id, word in _words(number, claim, about, known, trust, judged.left[number]):
            words[exposure_id].append(word)
    for exposure_id, said in sorted(words.items()):
        judged.wishes[exposure_id] = _wish(candidates[exposure_id], said, listed)
    return judged


def _about(claim: Claim, known: Known) -> dict[int, Candidate] | Unbound:
    names = [name for name in claim.names if name in known.candidates]
    if not names:
        return Unbound(Reason.UNKNOWN_VULNERABILITY, f"{claim.names[0][:200]} is not known here.")
    found = {one.exposure_id: one for name in names for one in known.candidates[name]}
    return found or Unbound(Reason.NO_EXPOSURE, f"No product of ours is exposed to {names[0]}.")


def _words(
    number: int,
    claim: Claim,
    about: Mapping[int, Candidate],
    known: Known,
    trust: Trust,
    left: dict[Unbound, None],
) -> Iterable[tuple[int, Word]]:
    if not claim.bindings:
        left[Unbound(Reason.NO_COMPONENT, "It is bound to no product and to no component.")] = None
    for binding in claim.bindings:
        meant = known.ours.meaning(binding, trust.packages)
        if isinstance(meant, Unbound):
            left[meant] = None
            continue
        found = {id_: _covered(one, meant) for id_, one in about.items() if meant.product in (None, one.product)}
        hits = {id_: spots for id_, (_, spots) in found.items() if spots}
        allowed = {id_: hits[id_] for id_ in hits if not trust.products or about[id_].product in trust.products}
        if not allowed:
            left[_missed(meant, found, beyond=bool(hits))] = None
        for exposure_id, spots in allowed.items():
            yield exposure_id, Word(number, meant, spots)


def _covered(candidate: Candidate, meant: Meant) -> tuple[bool, frozenset[int]]:
    seen = [holds(meant, spot) for spot in candidate.spots]
    return any(package for package, _ in seen), frozenset(n for n, (_, inside) in enumerate(seen) if inside)


def _missed(meant: Meant, found: Mapping[int, tuple[bool, frozenset[int]]], *, beyond: bool) -> Unbound:
    said = meant.part.purl[:200] + (f" {meant.versions[:200]}" if meant.versions else "")
    if beyond:
        return Unbound(Reason.BEYOND_TRUST, "This author is not believed about the products that have it.")
    if any(package for package, _ in found.values()):
        return Unbound(Reason.VERSION_OUTSIDE, f"{said} is another version than what is exposed.")
    if not found:
        return Unbound(Reason.NO_EXPOSURE, f"{meant.product} is not exposed to it.")
    return Unbound(Reason.NOT_IN_FIELD, f"{said} is no component through which anything is exposed.")


# --- one exposure ----------------------------------------------------------------------------------------------------

_ONE_SPOT_TWO_WORDS: Final = Unbound(Reason.CONTRADICTORY, "The document says two things of the same component.")


def _wish(candidate: Candidate, words: list[Word], claims: tuple[Claim, ...]) -> Wish:
    said: defaultdict[int, set[Status]] = defaultdict(set)
    for word in words:
        for spot in word.spots:
            said[spot].add(claims[word.claim].status)
    statuses = {status for at in said.values() for status in at}
    status = next(one for one in _ORDER if one in statuses)
    meant = [word for word in words if claims[word.claim].status is status]
    numbers = tuple(dict.fromkeys(word.claim for word in words))
    reasons = tuple(dict.fromkeys(claims[word.claim].reason for word in meant if claims[word.claim].reason))
    note = Wish(candidate.exposure_id, "note", status, None, "\n".join(reasons), numbers)
    if any(len(at) > 1 for at in said.values()):
        return _short(note, _ONE_SPOT_TWO_WORDS)
    if status not in (Status.NOT_AFFECTED, Status.FIXED):
        return note
    if (missing := _uncovered(candidate, said, statuses)) is not None:
        return _short(note, missing)
    if status is Status.FIXED:
        return _acting(note, "claim", None, ())
    return _decided(note, {claims[word.claim].justification for word in meant}, _bounds(candidate, meant))


def _decided(note: Wish, justifications: set[str | None], bounds: tuple[Bound, ...]) -> Wish:
    if len(justifications) > 1:
        return _short(note, Unbound(Reason.SEVERAL_JUSTIFICATIONS, "Its components have different justifications."))
    (justification,) = justifications
    if justification is None or not note.reason:
        why = "justification" if justification is None else "reason that others can check"
        return _short(note, Unbound(Reason.NO_JUSTIFICATION, f"It gives no {why}; a person has to decide."))
    return _acting(note, "decide", justification, bounds)


#: What outweighs what, where components of one exposure are told of differently.
_ORDER: Final = (
    Status.AFFECTED, Status.UNDER_INVESTIGATION, Status.RETRACTED, Status.NOT_AFFECTED, Status.FIXED,
)  # fmt: skip


def _uncovered(candidate: Candidate, said: Mapping[int, set[Status]], statuses: set[Status]) -> Unbound | None:
    if len(statuses) > 1:
        return Unbound(Reason.PARTLY, "It says different things of the components of this exposure.")
    missing = [spot for number, spot in enumerate(candidate.spots) if number not in said]
    if not missing:
        return None
    first = missing[0]
    where = f"{first.used.label} in {first.label or first.stream}"
    return Unbound(Reason.PARTLY, f"It says nothing of {where}{' and others' if len(missing) > 1 else ''}.")


def _short(note: Wish, why: Unbound) -> Wish:
    return Wish(note.exposure_id, "note", note.status, None, note.reason, note.claims, (), why)


def _acting(note: Wish, act: Literal["decide", "claim"], justification: str | None, bounds: tuple[Bound, ...]) -> Wish:
    return Wish(note.exposure_id, act, note.status, justification, note.reason, note.claims, bounds)


def _bounds(candidate: Candidate, words: list[Word]) -> tuple[Bound, ...]:
    """Bind to what is meant: for each package the range that the document gives, or the very versions that it names.

    A range that is the advisories' own narrows nothing.
    """
    used: dict[int, dict[int, Used]] = {}
    meant: defaultdict[int, dict[str, None]] = defaultdict(dict)
    for spot in candidate.spots:
        used.setdefault(spot.used.package_id, {})[spot.used.component_id] = spot.used
    for word in words:
        for number in word.spots:
            spot = candidate.spots[number]
            meant[spot.used.package_id][_versions(word.meant, spot.used)] = None
    bounds = [bound for id_, parts in used.items() for bound in _narrowed(tuple(parts.values()), list(meant[id_]))]
    return tuple(sorted(set(bounds), key=lambda bound: (bound.package, bound.range, bound.narrowed)))


def _versions(meant: Meant, used: Used) -> str:
    if meant.versions:
        return meant.versions
    return f"={used.version}" if meant.part.version else ""


def _narrowed(used: tuple[Used, ...], said: list[str]) -> list[Bound]:
    default = bounds_of(used)
    ranges = [one for one in said if one.startswith("vers:")]
    if "" in said or any(bound.range in ranges for bound in default):
        return default
    if ranges:
        return [bound for one in ranges for bound in bounds_of(used, one)]
    exactly = "|".join(sorted(quote(one.removeprefix("="), safe="+:~^") for one in said))
    return bounds_of(used, f"vers:{used[0].purl_type or 'generic'}/{exactly}")
