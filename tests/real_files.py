"""The corpus of real files: where it lies, unpacked as it is asked for."""

import fcntl
import os
import subprocess
import tempfile
from pathlib import Path
from typing import ClassVar

from _pytest.outcomes import Skipped

REPOSITORY = Path(__file__).parent.parent


#: The corpus, or a part of it, is not there; a test that asks for it is skipped.
NoCorpus = Skipped


class Corpus:
    """Real files, unpacked as they are asked for: ``corpus("sbom-dev")`` or ``corpus / "sbom-dev"``."""

    #: Folders whose archive has another name.
    ARCHIVES: ClassVar = {
        "osv-prev": "osv",
        "osv-hostile": "osv",
        "scorecard": "reference",
        "kev-epss": "reference",
        "schemas": "reference",
    }

    def __init__(self, source: Path) -> None:
        self._source = source
        self._unpacker = source / "unpack"
        self._folder = source
        if self._unpacker.exists():
            self._folder = Path(tempfile.gettempdir()) / f"muster-corpus-{os.getuid()}"

    def __call__(self, name: str) -> Path:
        first, *_ = Path(name).parts
        if self._unpacker.exists():
            self._unpack(self.ARCHIVES.get(first, first))
        if not (self._folder / name).exists():
            raise NoCorpus(f"the corpus at {self._source} has no {name}")
        return self._folder / name

    def __truediv__(self, name: str) -> Path:
        return self(name)

    def _unpack(self, archive: str) -> None:
        self._folder.mkdir(exist_ok=True)
        with (self._folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            subprocess.run(["bash", self._unpacker, self._folder, archive], check=True)


def find_corpus() -> Corpus:
    """Find the corpus that MUSTER_CORPUS names, unpacked or as archives, or the one beside the checkout."""
    source = Path(os.environ.get("MUSTER_CORPUS") or REPOSITORY.parent / "shared" / "corpus")
    if not source.is_dir():
        raise NoCorpus(f"no corpus at {source}; set MUSTER_CORPUS to a folder that holds it")
    return Corpus(source)
