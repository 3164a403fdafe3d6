"""Ownership rules as a file that people keep beside their code, in the manner of CODEOWNERS. Pure.

One rule a line, in order::

    # what              team        # note
    payments-*          payments    # all of them
    payments-api:pkg:npm/*  web
    tag:pci             compliance
    pkg:deb/debian/xz-utils  platform

What comes first is a pattern of products, of purls (it begins with ``pkg:``), or of both, with a colon between. Blank
lines, and lines that begin with ``#``, are skipped. `ownership_rules` says what the patterns mean, and which of two
rules comes first; it is not, as elsewhere, the last one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from service.errors import Unreadable
from service.inventory.ownership_rules import PURL, BadRule, check_rule

MOST_RULES = 5_000
MOST_NOTE = 500
HEADING = """\
# Who owns what. One rule a line: products, or packages (pkg:type/name), or products:pkg:type/name; then the team.
# * stands for any characters. The more specific rule comes first, then the earlier one.
"""


@dataclass(frozen=True)
class Stated:
    """A rule as somebody states it. `where` finds it again: ``line 3``, ``/rules/2``."""

    product: str | None
    purl: str | None
    team: str
    note: str = ""
    where: str = ""


class BadOwnershipRules(Unreadable):
    """Some ownership rules cannot be taken.

    Its member `errors` lists where and what; none of the rules was stored.
    """

    slug = "bad-ownership-rules"

    @classmethod
    def at(cls, errors: Sequence[tuple[str, str]]) -> "BadOwnershipRules":
        """Say what is wrong, and where."""
        where, what = errors[0]
        more = f" And {len(errors) - 1} more; see errors." if len(errors) > 1 else ""
        listed = [{"where": where, "detail": detail} for where, detail in errors[:100]]
        return cls(f"{where}: {what}{more}", errors=listed)


def read_file(text: str) -> list[Stated]:
    """Read the rules of a file.

    Raises:
        BadOwnershipRules: Naming every line that cannot be read.
    """
    rules, errors = [], []
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        words = line.strip()
        if not words or words.startswith("#"):
            continue
        try:
            rules.append(_read_line(words, f"line {number}"))
        except BadRule as error:
            errors.append((f"line {number}", error.detail))
    if errors:
        raise BadOwnershipRules.at(errors)
    return rules


def _read_line(words: str, where: str) -> Stated:
    said, _, note = words.partition(" #") if " #" in words else words.replace("\t#", " #").partition(" #")
    parts = said.split()
    if len(parts) != len(("what", "team")):
        raise BadRule("Write what, then one team, then perhaps # and a note.")
    product, purl = divided(parts[0])
    rule = Stated(product, purl, parts[1].removeprefix("@"), note.strip(), where)
    check_stated(rule)
    return rule


def divided(what: str) -> tuple[str | None, str | None]:
    """Divide a pattern into that of products and that of purls."""
    if what.lower().startswith(PURL):
        return None, what
    product, colon, purl = what.partition(f":{PURL}")
    return product, PURL + purl if colon else None


def check_stated(rule: Stated) -> None:
    """Refuse what cannot mean anything, or could not be written as a line.

    Raises:
        BadRule: With what is wrong.
    """
    check_rule(rule.product, rule.purl)
    if len(rule.note) > MOST_NOTE or not rule.note.isprintable():
        raise BadRule(f"A note is one line of at most {MOST_NOTE} printable characters.")


def write_file(rules: Iterable[Stated]) -> str:
    """Write rules as a file; read back, it states the same."""
    listed = [(_what(rule), rule.team, rule.note) for rule in rules]
    wide = max((len(what) for what, _, _ in listed), default=0)
    broad = max((len(team) for _, team, _ in listed), default=0)
    lines = [
        f"{what:<{wide}}  {team:<{broad}}  # {note}" if note else f"{what:<{wide}}  {team}"
        for what, team, note in listed
    ]
    return HEADING + "".join(f"{line}\n" for line in lines)


def _what(rule: Stated) -> str:
    return ":".join(part for part in (rule.product, rule.purl) if part is not None)
