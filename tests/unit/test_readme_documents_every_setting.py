"""The README's table of settings and the settings are the same."""

import re
from pathlib import Path

from service.settings import Settings

ROW = re.compile(r"^\| `MUSTER_([A-Z_]+)` \| (.*?) \| (.+?) \|$", re.MULTILINE)
README = (Path(__file__).parent.parent.parent / "README.md").read_text(encoding="utf-8")


def test_every_setting_has_its_row_and_every_row_its_setting() -> None:
    rows = [name.lower() for name, _, _ in ROW.findall(README)]
    assert rows == list(Settings.model_fields)


def test_the_defaults_are_those_of_the_code() -> None:
    written = {name.lower(): default.strip("`") for name, default, _ in ROW.findall(README)}
    for name in ("host", "port", "workers", "osv_ecosystems", "url", "log_json"):
        default = Settings.model_fields[name].default
        assert written[name] == str(default).lower(), name


def test_every_setting_is_described_where_it_is_declared() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
