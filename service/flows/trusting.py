"""Whose signatures are believed: a folder of public keys, read once at the start of each process."""

from pathlib import Path

from service.errors import Refused
from service.sbom.signatures import TrustedKey, trusted_key

#: A public key has a few hundred bytes.
_LARGEST_BYTES = 64 * 1024


def trusted_keys(folder: Path | None) -> tuple[TrustedKey, ...]:
    """Read the keys of a folder, named after their files; hidden files are passed over.

    Raises:
        Refused: The folder is not there, holds no key, or something that is none. Whoever sets a folder wants
            signatures verified, so nothing is passed over in silence.
    """
    if folder is None:
        return ()
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
        keys = tuple(trusted_key(path.name, _content(path)) for path in files)
    except OSError as error:
        raise Refused(f"MUSTER_TRUSTED_KEYS: {folder} cannot be read: {error.strerror}.") from error
    except Refused as error:
        raise Refused(f"MUSTER_TRUSTED_KEYS: {error.detail}") from error
    if not keys:
        raise Refused(f"MUSTER_TRUSTED_KEYS: {folder} holds no public key.")
    return keys


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_LARGEST_BYTES)
