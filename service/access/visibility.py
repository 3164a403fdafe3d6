"""Who sees which incidents and exposures: the rule, as values. `incidents/seeing.py` lets every question follow it.

An incident under embargo is seen by those who need to know: the CERT and administrators all of it, a team what concerns
its own products, everybody else nothing, not even that it is there. A key bound to products sees what concerns these.
"""

from dataclasses import dataclass

from service.access.roles import Actor


@dataclass(frozen=True)
class Sight:
    """What somebody may see.

    Args:
        whole: Everything under embargo too.
        team_id: Of what is under embargo, the exposures that this team has.
        products: Of anything, what concerns these products; None: no such limit.
    """

    whole: bool = False
    team_id: int | None = None
    products: frozenset[int] | None = None

    def sees(self, *, restricted: bool, team_id: int, product_id: int) -> bool:
        """Tell whether an exposure that a team has in a product is there, in an incident under embargo or not."""
        if self.products is not None and product_id not in self.products:
            return False
        return self.whole or not restricted or (self.team_id is not None and team_id == self.team_id)

    @property
    def unlimited(self) -> bool:
        """Whether nothing at all is hidden."""
        return self.whole and self.products is None


#: What can be seen before it is known who asks.
NOBODYS = Sight()
#: The service's own.
WHOLE = Sight(whole=True)


def sight_of(actor: Actor) -> Sight:
    """Tell what an actor may see: those who declare incidents see all of them."""
    if not actor.may("read_incidents"):
        return Sight(products=actor.products)
    return Sight(whole=actor.may("declare"), team_id=actor.team_id, products=actor.products)
