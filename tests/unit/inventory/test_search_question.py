"""What people type, and what it means."""

import pytest

from service.inventory.constraints import Prefix, parse_range, parse_vers
from service.inventory.question import BadQuestion, Cpe, Question, ask
from service.purls import BadPurl

SHA256 = "ab" * 32


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("liblzma", Question(name="liblzma", words=("liblzma",))),
        ("LibLZMA 5.6", Question(name="liblzma", words=("liblzma",), versions=Prefix("5.6"))),
        ("lodash@4.17", Question(name="lodash", words=("lodash",), versions=Prefix("4.17"))),
        ("XZ Utils", Question(name="xz utils", words=("xz", "utils"))),
        ("xz >=5.6.0,<5.6.2", Question(name="xz", words=("xz",), versions=parse_range(">=5.6.0,<5.6.2"))),
        ("pkg:npm/lodash@4.17.20", Question(purl="pkg:npm/lodash@4.17.20")),
        (SHA256.upper(), Question(hash=SHA256)),
        (f"sha256:{SHA256}", Question(hash=SHA256)),
    ],
)
def test_a_free_question_is_understood(typed: str, meant: Question) -> None:
    assert ask(typed) == meant


@pytest.mark.parametrize("cpe", ["cpe:2.3:a:tukaani:xz:5.6.1:*:*:*:*:*:*:*", "cpe:/a:tukaani:xz:5.6.1"])
def test_a_cpe_is_its_product_by_name_too(cpe: str) -> None:
    assert ask(cpe=cpe) == Question(name="xz", words=("xz",), cpe=Cpe("tukaani", "xz"), versions=Prefix("5.6.1"))
    assert ask(cpe) == ask(cpe=cpe)


def test_versions_are_asked_for_in_one_way() -> None:
    assert ask("xz", vers="vers:deb/<5.6.2").versions == parse_vers("vers:deb/<5.6.2")
    assert ask(name="xz", version="5.6").versions == Prefix("5.6")
    for asked in ({"q": "xz 5.6", "version": "5.6"}, {"name": "xz", "version": "5", "version_range": "<6"}):
        with pytest.raises(BadQuestion):
            ask(**asked)


@pytest.mark.parametrize(
    "asked", [{}, {"q": "  "}, {"name": "xz", "q": "xz"}, {"digest": "xyz"}, {"cpe": "cpe:2.3:a:*:*"}]
)
def test_a_question_names_one_thing(asked: dict[str, str]) -> None:
    with pytest.raises(BadQuestion):
        ask(**asked)


def test_a_purl_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(BadPurl):
        ask(purl="pkg:nothing")


@pytest.mark.parametrize("typed", ["a" * 5_000, "xz\0", "\u202exz", "xz \ud800"])
def test_what_nobody_can_type_is_refused(typed: str) -> None:
    with pytest.raises(BadQuestion):
        ask(typed)
