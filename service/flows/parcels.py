"""Documents on their way in: the usual ones in memory, large ones in a file, so that a server stays small."""

from tempfile import NamedTemporaryFile
from typing import IO, Self

#: From so many bytes on a document is large: it waits in a file and is read in a process of its own.
LARGE_BYTES = 16 * 2**20
_HEAD_BYTES = 1024


class Parcel:
    """Bytes that come in pieces. Used as a context, it leaves no file behind."""

    def __init__(self, *pieces: bytes) -> None:
        self.size = 0
        self._parts: list[bytes] = []
        self._file: IO[bytes] | None = None
        for piece in pieces:
            self.add(piece)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, data: bytes) -> None:
        """Take the next bytes."""
        self.size += len(data)
        if self._file is not None:
            self._file.write(data)
            return
        self._parts.append(data)
        if self.size >= LARGE_BYTES:
            self._file = NamedTemporaryFile(prefix="muster-")  # noqa: SIM115 - `close` closes it
            self._file.writelines(self._parts)
            self._parts = []

    @property
    def path(self) -> str | None:
        """The file of a large document; None where it is in memory."""
        if self._file is None:
            return None
        self._file.flush()
        return self._file.name

    def head(self) -> bytes:
        """Give the first kilobyte."""
        if self._file is None:
            return b"".join(self._parts)[:_HEAD_BYTES] if self._parts else b""
        self._file.flush()
        with open(self._file.name, "rb") as again:  # noqa: PTH123 - a temporary file's name
            return again.read(_HEAD_BYTES)

    def data(self) -> bytes:
        """Give all of it, in memory."""
        if self._file is None:
            if len(self._parts) > 1:
                self._parts = [b"".join(self._parts)]
            return self._parts[0] if self._parts else b""
        self._file.flush()
        with open(self._file.name, "rb") as again:  # noqa: PTH123 - a temporary file's name
            return again.read()

    def close(self) -> None:
        """Remove the file, if there is one."""
        if self._file is not None:
            self._file.close()
