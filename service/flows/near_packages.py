"""Which packages are near to those that an advisory names: of one family, of one source, of one name. Reads only."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final, NamedTuple

from sqlalchemy import Select, and_, func, or_, select, union
from sqlalchemy.dialects import postgresql as pg

from service.db import ReadSession, any_of
from service.inventory.catalogue_models import (
    Component,
    ComponentCoord,
    FamilyMember,
    OsvPackage,
    Package,
    PackageSource,
)
from service.inventory.families import families_of
from service.purls import PURL_PLACE, place_of_purl
from service.purls.canonical import named
from service.purls.ecosystem_table import BY_NAME

#: So many are looked at.
_MOST_PACKAGES: Final = 2_000
_MOST_COMPONENTS: Final = 5_000
#: Of one record; nobody writes more by hand.
_MOST_NAMES: Final = 500

#: Types of packages that are built from a source package of another name.
FROM_SOURCES: Final = frozenset({"apk", "deb", "rpm"})


class EntryName(NamedTuple):
    """A package as an affected entry names it."""

    ecosystem: str
    name: str

    @property
    def package(self) -> dict[str, str]:
        """Write it as an affected entry does; by purl where OSV has no ecosystem for it."""
        if self.ecosystem.startswith(f"{PURL_PLACE}:"):
            return {"purl": str(named(*self.purl))}
        return {"ecosystem": self.ecosystem, "name": self.name}

    @property
    def purl(self) -> "PurlName":
        """Give the package as purls name it."""
        if self.ecosystem.startswith(f"{PURL_PLACE}:"):
            kind, _, vendor = self.ecosystem.removeprefix(f"{PURL_PLACE}:").partition("/")
            namespace, _, name = f"{vendor}/{self.name}".strip("/").rpartition("/")
            return PurlName(kind, namespace, name)
        base = self.ecosystem.partition(":")[0]
        row = BY_NAME.get(base)
        kind, _, vendor = (row.purls[0] if row and row.purls else "").partition("/")
        if vendor:
            return PurlName(kind, vendor, self.name)
        path = self.name.replace(":", "/") if base == "Maven" else self.name
        namespace, _, name = path.rpartition("/")
        return PurlName(kind, namespace, name)


class PurlName(NamedTuple):
    """A package as purls name it; a distribution's namespace is its vendor."""

    type: str
    namespace: str
    name: str


class NearPackage(NamedTuple):
    """A package to look at. `family` and `reason` are '' where only its name or its source is near."""

    purl: PurlName
    family: str
    reason: str
    own_versions: bool


class NearComponent(NamedTuple):
    """A component of a near package. `ecosystem`, `listed`: the first place where advisories reach it; None if none."""

    id: int
    package_id: int
    purl: str
    version: str
    unevaluated: str
    source: str
    ecosystem: str | None
    listed: str | None

    @property
    def entry(self) -> EntryName | None:
        """Give what an advisory has to name to speak of it."""
        return EntryName(self.ecosystem, self.listed) if self.ecosystem and self.listed else None


def names_in(record: Mapping[str, Any]) -> list[EntryName]:
    """Give the packages that a record's affected entries name, each once, `_MOST_NAMES` at most."""
    named = dict.fromkeys(one for one in map(_name, _dicts(record.get("affected"))) if one.name)
    return list(islice(named, _MOST_NAMES))


def _name(entry: Mapping[str, Any]) -> EntryName:
    package = entry.get("package")
    if not isinstance(package, dict):
        return EntryName("", "")
    if not package.get("ecosystem") and isinstance(package.get("purl"), str):
        return EntryName(*(place_of_purl(package["purl"]) or ("", "")))
    return EntryName(str(package.get("ecosystem") or ""), str(package.get("name") or ""))


def _dicts(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        yield from (one for one in value if isinstance(one, dict))


def near_packages(session: ReadSession, names: Iterable[EntryName], matched: Collection[int]) -> dict[int, NearPackage]:
    """Find the packages near to what is named, and to what *matched* components are of, by id."""
    purls = [one.purl for one in names]
    own = select(Component.package_id).where(Component.id == any_of(matched))
    families = {each.family for one in purls for each in families_of(*one, one.name)}
    in_family = or_(
        FamilyMember.family.in_(sorted(families)),
        FamilyMember.family.in_(select(FamilyMember.family).where(FamilyMember.package_id.in_(own))),
    )
    near = union(own, select(FamilyMember.package_id).where(in_family), *_by_name(purls)).subquery()
    rows = session.execute(
        select(
            Package.id,
            Package.type,
            Package.namespace,
            Package.name,
            FamilyMember.family,
            FamilyMember.reason,
            FamilyMember.own_versions,
        )
        .join(near, near.c.package_id == Package.id)
        .outerjoin(FamilyMember, and_(FamilyMember.package_id == Package.id, in_family))
        .ext(pg.distinct_on(Package.id))
        .order_by(Package.id, FamilyMember.family)
        .limit(_MOST_PACKAGES)
    )
    return {
        row.id: NearPackage(
            PurlName(row.type, row.namespace, row.name), row.family or "", row.reason or "", bool(row.own_versions)
        )
        for row in rows
    }


def _by_name(purls: Iterable[PurlName]) -> Iterator[Select[int]]:
    """Meet what is built from a source of the name, and namesakes; where a name has a namespace, those in it."""
    sources = sorted({one.name for one in purls if one.type in FROM_SOURCES})
    yield select(PackageSource.package_id).where(PackageSource.source_name.in_(sources))
    plain = sorted({one.name.lower() for one in purls if not one.namespace or one.type in FROM_SOURCES})
    yield select(Package.id).where(Package.lower_name.in_(plain))
    for one in dict.fromkeys(purls):
        if one.namespace and one.type not in FROM_SOURCES:
            same_path = func.lower(Package.namespace) == one.namespace.lower()
            yield select(Package.id).where(Package.lower_name == one.name.lower(), same_path)


def components_near(session: ReadSession, package_ids: Iterable[int], matched: Collection[int]) -> list[NearComponent]:
    """Give the packages' components that are not matched, with the first place where advisories can reach them."""
    rows = session.execute(
        select(
            Component.id,
            Component.package_id,
            Component.purl,
            Component.version,
            Component.unevaluated,
            Component.source_name,
            OsvPackage.ecosystem,
            OsvPackage.name,
        )
        .outerjoin(ComponentCoord, ComponentCoord.component_id == Component.id)
        .outerjoin(OsvPackage, OsvPackage.id == ComponentCoord.osv_package_id)
        .where(Component.package_id == any_of(package_ids), ~(Component.id == any_of(matched)))
        .ext(pg.distinct_on(Component.id))
        # By the source package first: that is what distributions' advisories name.
        .order_by(Component.id, ComponentCoord.relation.desc(), OsvPackage.ecosystem, OsvPackage.name)
        .limit(_MOST_COMPONENTS)
    )
    return [NearComponent(*row) for row in rows]
