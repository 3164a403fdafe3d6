"""A message as text, as simple HTML, and as one line. Pure.

Whoever names a package or a product chose some of what stands here: lines are lines, and nothing is markup.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Part:
    """A paragraph: words, then lines of a list, then an address to open (label, URL)."""

    words: str = ""
    lines: Sequence[str] = ()
    link: tuple[str, str] | None = None


@dataclass(frozen=True)
class Letter:
    """What a message says."""

    subject: str
    parts: Sequence[Part]

    def as_text(self) -> str:
        """Write it plainly."""
        return "\n\n".join(_text(part) for part in self.parts) + "\n"

    def as_html(self) -> str:
        """Write it as HTML without pictures, scripts or styles."""
        body = "".join(_html(part) for part in self.parts)
        return (
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(self.subject)}</title>{body}</html>'
        )


def one_line(text: str, longest: int = 200) -> str:
    """Make a text fit into a header or an item of a list: what breaks or turns lines around becomes a space."""
    cleaned = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return cleaned if len(cleaned) <= longest else cleaned[: longest - 1].rstrip() + "…"


def shortened(lines: Iterable[str], most: int, total: int) -> list[str]:
    """Keep the first lines and say how many there are beside."""
    kept = [line for line, _ in zip(lines, range(most), strict=False)]
    return kept if total <= len(kept) else [*kept, f"and {total - len(kept):,} more"]


def _text(part: Part) -> str:
    link = [f"{part.link[0]}: {part.link[1]}"] if part.link else []
    return "\n".join([*([part.words] if part.words else []), *(f"- {line}" for line in part.lines), *link])


def _html(part: Part) -> str:
    words = f"<p>{escape(part.words)}</p>" if part.words else ""
    lines = "".join(f"<li>{escape(line)}</li>" for line in part.lines)
    link = f'<p><a href="{escape(part.link[1])}">{escape(part.link[0])}</a></p>' if part.link else ""
    return words + (f"<ul>{lines}</ul>" if lines else "") + link
