"""A small world with a secret: an incident that everybody may see, and one under embargo, in two teams' products."""

from dataclasses import dataclass

from osv_bucket import make_record
from sqlalchemy import Engine, select
from story import Story

from service.access.models import Team
from service.advisories.models import Vulnerability
from service.db import reading, writing
from service.incidents.models import Exposure, Incident
from service.inventory.models import Product

LODASH = "pkg:npm/lodash@4.17.20"
HIDDEN = "x_ACME-2026-0001"
SUMMARY = "Backdoor in the loader that nobody knows of"
TEAMS = {"shop": "payments", "blog": "press"}

OWN = {"affected": [{"package": {"ecosystem": "npm", "name": "lodash"}, "versions": ["4.17.20"]}]}


@dataclass
class World:
    """Ids. `exposures` by product, and whether it is the secret one's; `others` is the id of a team with neither."""

    story: Story
    public: int
    secret: int
    exposures: dict[tuple[str, bool], int]
    teams: dict[str, int]
    products: dict[str, int]

    @property
    def engine(self) -> Engine:
        return self.story.engine

    @property
    def marks(self) -> tuple[str, ...]:
        """What gives the secret away."""
        hidden = (f"EXP-{id_}" for (_, is_secret), id_ in self.exposures.items() if is_secret)
        return (f"INC-{self.secret}", HIDDEN, SUMMARY, *hidden)


def make_world(engine: Engine, *, restricted: bool = True) -> World:
    """Tell the story; without *restricted* there is no embargo yet."""
    story = Story(engine)
    story.product("tools", team="cloud")
    for product, team in TEAMS.items():
        story.product(product, team=team)
        story.upload(product, LODASH)
    story.feed(make_record("CVE-2026-1") | OWN)
    story.publish(make_record(HIDDEN) | OWN | {"summary": SUMMARY})
    with writing(engine) as session:
        secret = session.scalars(select(Incident).join(Vulnerability).where(Vulnerability.name == HIDDEN)).one()
        secret.restricted = restricted
    return look_at(story)


def look_at(story: Story) -> World:
    """Look up who has what."""
    with reading(story.engine) as session:
        secret = session.scalars(select(Incident.id).join(Vulnerability).where(Vulnerability.name == HIDDEN)).one()
        rows = session.execute(select(Exposure.id, Exposure.incident_id, Product.slug).join(Product)).all()
        return World(
            story,
            session.scalars(select(Incident.id).where(Incident.id != secret)).one(),
            secret,
            {(row.slug, row.incident_id == secret): row.id for row in rows},
            {row.name: row.id for row in session.execute(select(Team.name, Team.id))},
            {row.slug: row.id for row in session.execute(select(Product.slug, Product.id))},
        )
