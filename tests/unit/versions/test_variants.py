"""Maven releases for several runtimes, and those that a vendor rebuilt, against the bounds of ranges."""

import pytest

from service.versions import compare, compare_to_bound, sort_key


@pytest.mark.parametrize(
    ("version", "bound", "order"),
    [
        ("1.2.3.jre8", "1.2.3.jre11", 0),
        ("1.2.3.jre11", "1.2.3.jre8", 0),
        ("10.2.1.jre8", "10.2.2.jre11", -1),
        ("10.2.2.jre8", "10.2.2", 0),
        ("21.8-jdk16", "21.8-jdk17", 0),
        ("32.0.0-jre", "32.0.0-android", 0),
        ("31.1-android", "32.0.0-android", -1),
        ("2.13.9.Final-redhat-00003", "2.13.9.SP1", -1),
        ("2.13.9.Final-redhat-00003", "2.13.9.Final", 0),
        # Of one kind, the whole version counts.
        ("2.13.9.Final-redhat-00003", "2.13.9.Final-redhat-00005", -1),
        ("9.4.1208.jre7", "9.4.1208.jre7", 0),
        # Maven knows what these mean.
        ("2.5.3.SP12", "2.5.3.SP13", -1),
        ("2.5.3.SP1", "2.5.3.Final", 1),
    ],
)
def test_releases_are_compared_where_kinds_differ(version: str, bound: str, order: int) -> None:
    assert compare_to_bound("Maven", version, bound) == order


def test_the_order_of_maven_itself_stays_what_it_is() -> None:
    assert compare("Maven", "1.2.3.jre8", "1.2.3.jre11") == -1
    assert compare("Maven", "2.13.9.Final-redhat-00003", "2.13.9.SP1") == 1


def test_no_key_decides_about_them() -> None:
    assert all(sort_key("Maven", version)[1] for version in ("1.2.3.jre8", "1.0.Final-redhat-1", "32.0.0-android"))
    assert not any(sort_key("Maven", version)[1] for version in ("1.2.3", "32.0.0-jre", "2.5.3.SP13"))


def test_elsewhere_such_words_mean_nothing() -> None:
    assert compare_to_bound("npm", "1.2.3-jre8", "1.2.3-jre11") == compare("npm", "1.2.3-jre8", "1.2.3-jre11")
