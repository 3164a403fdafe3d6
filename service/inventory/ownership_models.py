"""The table of ownership rules: who owns which products and packages, in order."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base


class OwnershipRule(Base):
    """A team owns what a pattern of products, of purls, or of both describes (`inventory.ownership_rules`).

    Rows are replaced, never changed: the greatest id is the version of the whole set.
    """

    __tablename__ = "ownership_rule"
    __table_args__ = (
        CheckConstraint("product IS NOT NULL OR purl IS NOT NULL", name="says_what"),
        Index("uq_ownership_rule_position", "position", unique=True),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    position: Mapped[int]
    product: Mapped[str | None]
    purl: Mapped[str | None]
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    note: Mapped[str] = mapped_column(server_default=text("''"))
    made_by: Mapped[str]
    made_at: Mapped[datetime]
