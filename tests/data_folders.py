"""Folders for servers that tests start."""

import os
import tempfile
from pathlib import Path


def make_data_folder() -> Path:
    """Make a folder for a server. Root's is left passable, since the server will run as somebody else."""
    folder = Path(tempfile.mkdtemp(prefix="muster-test-"))
    if os.getuid() == 0:
        folder.chmod(0o711)
    return folder
