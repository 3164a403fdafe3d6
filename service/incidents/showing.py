"""Texts that strangers wrote, shown so that nothing in them can hide, turn a line around, or break out of it. Pure."""

from typing import Final
from unicodedata import category

#: What may change the order of a line, hide, or break out of it: controls, formats, surrogates, private use, lines.
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_BLANKS: Final = frozenset("\t\n\r")


def visible_text(text: str) -> str:
    """Show what cannot be seen: U+202E becomes ``⟨U+202E⟩``, what ends a line becomes a blank."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(sign) for sign in text)


def _shown(sign: str) -> str:
    if sign in _BLANKS:
        return " "
    return f"⟨U+{ord(sign):04X}⟩" if category(sign) in _HIDDEN else sign
