"""The command `muster`, run inside the test's own process: no second Python has to start for each call."""

import io
import os
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from json import loads
from typing import Any, NamedTuple

import pytest

from service.__main__ import PARTS
from service.cli.app import run


class Ran(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:  # noqa: ANN401 - JSON
        return loads(self.out)


def run_muster(*arguments: str, environment: Mapping[str, str], stdin: bytes = b"") -> Ran:
    """Run a command with these MUSTER_ variables and no others."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("MUSTER_")]:
            patch.delenv(name)
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as left:
            run(PARTS, arguments)
    code = left.value.code
    return Ran(code if isinstance(code, int) else int(code is not None), out.getvalue(), err.getvalue())
