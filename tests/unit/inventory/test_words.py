import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.inventory.words import MAX_WORDS, query_words, tokens


@pytest.mark.parametrize(
    ("package", "words"),
    [
        (("debian", "liblzma5", "xz-utils"), {"liblzma5", "liblzma", "lzma", "xz-utils", "xz", "debian"}),
        (("org.apache.logging.log4j", "log4j-core", ""), {"log4j-core", "log4j", "core", "logging"}),
        (("", "libssl3t64", ""), {"libssl3t64", "libssl", "ssl"}),
        (("", "XZ Utils", ""), {"xz", "utils"}),
        (("", "NewtonsoftJson", ""), {"newtonsoftjson", "newtonsoft", "json"}),
        (("@angular", "core", ""), {"angular", "core"}),
    ],
)
def test_a_package_is_found_by_its_names_and_their_parts(package: tuple[str, str, str], words: set[str]) -> None:
    assert words <= set(tokens(*package))


@given(st.text(), st.text(), st.text())
def test_tokens_are_few_lower_case_and_without_blanks(namespace: str, name: str, source: str) -> None:
    found = tokens(namespace, name, source)

    assert found == sorted(set(found))
    assert len(found) <= MAX_WORDS
    assert all(word and len(word.split()) == 1 for word in found)


@pytest.mark.parametrize(
    ("question", "name", "version"),
    [
        ("liblzma 5.6", "liblzma", "5.6"),
        ("xz-utils", "xz-utils", ""),
        ("XZ Utils 5.6.1", "XZ Utils", "5.6.1"),
        ("org.apache.logging.log4j:log4j-core 2.14", "org.apache.logging.log4j:log4j-core", "2.14"),
        ("org.apache.logging.log4j:log4j-core:2.14.1", "org.apache.logging.log4j:log4j-core", "2.14.1"),
        ("@angular/core 12", "@angular/core", "12"),
        ("@angular/core@12.1", "@angular/core", "12.1"),
        ("@angular/core", "@angular/core", ""),
        ("django==4.2.*", "django", "4.2"),
        ("openssl v3.0", "openssl", "3.0"),
        ("xz 1:5.6.1-1", "xz", "1:5.6.1-1"),
        ("log4j", "log4j", ""),
        ("7zip", "7zip", ""),
        ("  ", "", ""),
    ],
)
def test_a_question_is_a_name_and_the_beginning_of_a_version(question: str, name: str, version: str) -> None:
    asked = query_words(question)

    assert (asked.name, asked.version, asked.purl) == (name, version, "")


def test_a_purl_is_a_question_too() -> None:
    asked = query_words("pkg:deb/debian/xz-utils@5.6.1-1")

    assert (asked.name, asked.version) == ("xz-utils", "5.6.1-1")
    assert asked.purl == "pkg:deb/debian/xz-utils@5.6.1-1"


@pytest.mark.parametrize(
    ("question", "package"),
    [
        ("liblzma", ("debian", "liblzma5", "xz-utils")),
        ("xz-utils 5.6", ("debian", "liblzma5", "xz-utils")),
        ("org.apache.logging.log4j:log4j-core 2.14", ("org.apache.logging.log4j", "log4j-core", "")),
        ("@angular/core 12", ("@angular", "core", "")),
        ("github.com/ulikunitz/xz", ("github.com/ulikunitz", "xz", "")),
    ],
)
def test_what_is_asked_for_is_among_the_tokens(question: str, package: tuple[str, str, str]) -> None:
    assert set(query_words(question).words) <= set(tokens(*package))


@given(st.text())
def test_any_question_can_be_asked(question: str) -> None:
    query_words(question)
