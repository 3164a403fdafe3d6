"""The report for people: one list of sections, written as Markdown or as HTML. Pure.

Titles, comments and purls were written by strangers. Every value is made visible and escaped: in HTML by markup's own
rules, in Markdown by a backslash before each sign that could mean something, so that a cell stays a cell.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from markupsafe import Markup, escape

from service.incidents.showing import visible_text

Values = Mapping[str, Any]


class Section(NamedTuple):
    """A heading, sentences below it, and perhaps a table."""

    heading: str
    sentences: Sequence[str] = ()
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[object]] = ()


def sections_of(report: Values) -> list[Section]:
    """Lay the report out, the summary first."""
    return [
        _summary(report),
        _numbers(report["numbers"]),
        Section(
            "Timeline",
            (),
            ("when", "who", "what", "where", "why"),
            [
                (_when(step["at"]), step["actor"], step["step"], step["exposure"] or "", step["reason"])
                for step in report["timeline"]
            ],
        ),
        Section(
            "Decisions",
            () if report["decisions"] else ("Nobody decided that anything need not be fixed.",),
            ("when", "product", "decision", "justification", "reason", "by", "agreed by"),
            [
                (
                    _when(one["decided_at"]),
                    one["product"],
                    one["to"],
                    one["justification"],
                    one["reason"],
                    one["decided_by"],
                    one["approved_by"],
                )
                for one in report["decisions"]
            ],
        ),
        _clocks(report["exposures"]),
        _told(report["broadcasts"]),
        Section(
            "Answers",
            () if report["answers"] else ("No owner was asked, or none answered.",),
            ("when", "product", "affected", "sentence", "by"),
            [
                (_when(one["at"]), one["product"], "yes" if one["affected"] else "no", one["sentence"], one["by"])
                for one in report["answers"]
            ],
        ),
        _exposures(report["exposures"]),
        _ever(report),
        _closings(report["closings"]),
    ]


def _summary(report: Values) -> Section:
    incident = report["incident"]
    known = ", ".join(filter(None, [incident["vulnerability"], *incident["aliases"]]))
    said = [
        f"{incident['kind']}, {incident['severity']}, {incident['priority']}; {incident['status']}.",
        f"Known as {known}." if known else "",
        f"Opened {_when(incident['opened_at'])}; this report is as of {_when(report['as_of'])}.",
    ]
    said += [_declared(one) for one in report["declarations"]]
    said.append(f"Content: {report['digest']}.")
    return Section(f"{incident['id']}: {incident['title']}", list(filter(None, said)))


def _declared(one: Values) -> str:
    words = [word for kind in ("names", "families", "purls", "hashes") for word in one[kind]]
    versions = " or ".join(one["ranges"]) or "every version"
    return f"Declared in {one['advisory']} as {one['class'].replace('_', ' ')}: {', '.join(words)}; {versions}."


def _numbers(numbers: Values) -> Section:
    rows = [
        ("products", numbers["products"]),
        ("teams", numbers["teams"]),
        *((f"exposures {status.replace('_', ' ')}", count) for status, count in numbers["by_status"].items()),
        ("acknowledged", numbers["acknowledged"]),
        ("median minutes to acknowledge", numbers["median_minutes_to_acknowledge"]),
        ("resolved", numbers["resolved"]),
        ("median minutes to resolve", numbers["median_minutes_to_resolve"]),
        ("reopened", numbers["reopened"]),
        *((f"clock {name.replace('_', ' ')} held", count) for name, count in numbers["clocks_held"].items()),
        *((f"clock {name.replace('_', ' ')} breached", count) for name, count in numbers["clocks_breached"].items()),
    ]
    return Section("Numbers", (), ("what", "how many"), rows)


def _clocks(exposures: Iterable[Values]) -> Section:
    rows = [
        (e["product"], c["name"].replace("_", " "), _when(c["due_at"]), _when(c["met_at"]), _held(c))
        for e in exposures
        for c in e["clocks"]
    ]
    return Section("Clocks", (), ("product", "clock", "due", "met", ""), rows)


def _held(clock: Values) -> str:
    if clock["breached"]:
        return "breached"
    return "held" if clock["met_at"] else "running"


def _told(broadcasts: Iterable[Values]) -> Section:
    rows = [
        (
            _when(sent["at"]), share["team"], share["audience"], sent["message"], _when(share["acknowledged_at"]),
            share["acknowledged_by"],
        )
        for sent in broadcasts
        for share in sent["teams"]
    ]  # fmt: skip
    nobody = () if rows else ("Nothing was broadcast.",)
    return Section("Who was told", nobody, ("when", "team", "to", "message", "heard", "by"), rows)


def _exposures(exposures: Iterable[Values]) -> Section:
    rows = [
        (
            e["id"], e["product"], e["team"], e["status"].replace("_", " "), e["presence"], _when(e["opened_at"]),
            _when(e["ended_at"]), _proof(e["proof"]),
        )
        for e in exposures
    ]  # fmt: skip
    return Section("Exposures", (), ("id", "product", "team", "status", "field", "opened", "ended", "proof"), rows)


def _proof(proof: Values | None) -> str:
    return f"SBOM {proof['sbom']} of {proof['stream']}, sha256 {proof['sha256']}" if proof else ""


def _ever(report: Values) -> Section:
    since = report["ever_in_use_since"]
    told = f"Since {_when(since)}." if since else "Since the first SBOM."
    rows = [
        (one["product"], one["stream"], one["component"], _when(one["first_seen_at"]), _when(one["last_seen_at"]))
        for one in report["ever_in_use"]
    ]
    nobody = "Nothing that is affected was ever in the field." if not rows else "To be looked at by forensics:"
    columns = ("product", "stream", "component", "from", "until")
    return Section("Ever in the field", (f"{told} {nobody}",), columns, rows)


def _closings(closings: Iterable[Values]) -> Section:
    rows = [
        (
            _when(one["proposed_at"]), one["proposed_by"], one["reason"], len(one["standing"]), _when(one["agreed_at"]),
            one["agreed_by"],
        )
        for one in closings
    ]  # fmt: skip
    nobody = () if rows else ("Nobody asked to close it in spite of anything.",)
    return Section("Closed in spite of", nobody, ("proposed", "by", "why", "left standing", "agreed", "by"), rows)


def _when(at: str | None) -> str:
    return at[:16].replace("T", " ") + " UTC" if at else ""


# --- Markdown --------------------------------------------------------------------------------------------------------

#: What means something wherever it stands; an underscore that is not inside a word; what makes an address a link; and,
#: at the beginning, what would make a list or a heading of it. A version or an id reads as it is.
_MEANING: Final = re.compile(
    r"([\\`*\[\]#|<>~&@]|(?<![^\W_])_|_(?![^\W_])|:(?=//)|(?<=www)\.|^[-+=]|(?<=^\d)[.)])", re.IGNORECASE
)


def as_markdown(report: Values) -> str:
    """Write the report as Markdown with tables."""
    lines: list[str] = []
    for level, section in enumerate(sections_of(report)):
        lines += [f"{'#' if level == 0 else '##'} {_plain(section.heading)}", ""]
        for sentence in section.sentences:
            lines += [_plain(sentence), ""]
        if section.rows:
            lines += [_cells(section.columns), _cells_of("---" for _ in section.columns)]
            lines += [_cells(row) for row in section.rows]
            lines.append("")
    return "\n".join(lines)


def _plain(value: object) -> str:
    return _MEANING.sub(r"\\\1", visible_text("" if value is None else str(value)))


def _cells(values: Iterable[object]) -> str:
    return _cells_of(map(_plain, values))


def _cells_of(written: Iterable[str]) -> str:
    return f"| {' | '.join(written)} |"


# --- HTML ------------------------------------------------------------------------------------------------------------

_PAGE: Final = Markup(
    '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n<style>\n'
    "body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem }}\n"
    "table {{ border-collapse: collapse; width: 100% }}\n"
    "th, td {{ border-bottom: 1px solid #ccc; padding: .3rem .6rem .3rem 0; text-align: left; vertical-align: top;"
    " overflow-wrap: anywhere }}\n"
    "</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
)


def as_html(report: Values) -> str:
    """Write the report as one page that loads nothing."""
    sections = sections_of(report)
    parts = [_section(section, _H1 if number == 0 else _H2) for number, section in enumerate(sections)]
    return str(_PAGE.format(title=visible_text(sections[0].heading), body=Markup("\n").join(parts)))


_H1, _H2 = Markup("<h1>{}</h1>"), Markup("<h2>{}</h2>")


def _section(section: Section, heading: Markup) -> Markup:
    parts = [heading.format(_shown(section.heading))]
    parts += [Markup("<p>{}</p>").format(_shown(sentence)) for sentence in section.sentences]
    if section.rows:
        head = Markup("").join(Markup("<th>{}</th>").format(_shown(name)) for name in section.columns)
        rows = [_row(row) for row in section.rows]
        parts.append(Markup("<table>\n<tr>{}</tr>\n{}\n</table>").format(head, Markup("\n").join(rows)))
    return Markup("\n").join(parts)


def _row(values: Iterable[object]) -> Markup:
    return Markup("<tr>{}</tr>").format(Markup("").join(Markup("<td>{}</td>").format(_shown(each)) for each in values))


def _shown(value: object) -> Markup:
    return escape(visible_text("" if value is None else str(value)))
