from pathlib import Path

import pytest

from service.cli.products import read_rows
from service.errors import Unreadable


def test_a_file_says_what_it_says_and_nothing_more(tmp_path: Path) -> None:
    file = tmp_path / "owners.csv"
    file.write_text("\ufeffslug,owner,tier,exposed,tags\nshop,web,High,YES,eu  b2c\nblog,,,,\n", encoding="utf-8")
    assert read_rows(file) == [
        ("shop", {"team": "web", "tier": "high", "exposed": True, "tags": ["eu", "b2c"]}),
        ("blog", {}),
    ]


def test_every_faulty_line_is_named(tmp_path: Path) -> None:
    file = tmp_path / "owners.csv"
    file.write_text("slug,tier,exposed\na,huge,\nb,low,yes\nc,,perhaps\n,low,\n", encoding="utf-8")
    with pytest.raises(Unreadable, match=r"line 2: .*huge.*line 4: .*perhaps.*line 5: no slug"):
        read_rows(file)


def test_an_unknown_column_is_no_typo_to_be_skipped(tmp_path: Path) -> None:
    file = tmp_path / "owners.csv"
    for head in ("slug,teir", "owner,tier", ""):
        file.write_text(head + "\n", encoding="utf-8")
        with pytest.raises(Unreadable, match="head line"):
            read_rows(file)
