"""A feed into a bundle: an edition of it that can be carried to where the feed cannot be reached.

Made beside its place and moved there when it is whole, so that there is never half of one.
"""

import hashlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from service.advisories.feed_archive import archived_records
from service.advisories.feed_bundle import (
    MANIFEST,
    MAX_SIGNAL_BYTES,
    SIGNAL_FILES,
    BundledEcosystem,
    BundledFile,
    Manifest,
    write_manifest,
)
from service.advisories.feed_client import PATIENT, FeedClient, FeedUnavailable, Patience, open_feed
from service.advisories.feed_index import read_index
from service.advisories.feed_source import ARCHIVE, ECOSYSTEMS, INDEX, segment
from service.advisories.signals_client import Validators, download
from service.advisories.signals_syncing import SOURCES, Name
from service.advisories.syncing import Progress
from service.errors import Refused, UpstreamUnavailable

_PIECE = 2**20


class NoPlaceForBundle(Refused):
    """The bundle cannot be written there."""

    slug = "no-place-for-bundle"


@dataclass
class Bundled:
    """What a bundle came to. `left_out`: signals that could not be had, and why."""

    manifest: Manifest
    size_bytes: int
    left_out: dict[str, str] = field(default_factory=dict)


def make_bundle(
    url: str,
    out: Path,
    ecosystems: Sequence[str] | None = None,
    *,
    signals: Mapping[Name, str],
    now: datetime,
    watch: Callable[[Progress], None] = lambda _: None,
    patience: Patience = PATIENT,
) -> Bundled:
    """Write a bundle: a tar file if *out* ends so, else a folder. One that is there already is replaced.

    Args:
        url: The feed, or another bundle, whose origin and age are kept.
        out: Where to.
        ecosystems: Which; None = all that the feed has.
        signals: Addresses of KEV and EPSS; what cannot be had is left out, and told.
        now: Aware UTC.
        watch: Told how far it is.
        patience: With a server that fails.

    Raises:
        FeedUnavailable: The feed did not give all of it. What was at *out* is still there.
        NoPlaceForBundle: *out* is something else, or cannot be written.
    """
    _refuse_other_things(out)
    try:
        with open_feed(url, patience) as client, _workplace(out) as folder:
            names = list(ecosystems) if ecosystems is not None else client.ecosystems()
            if not names:
                raise FeedUnavailable(f"{client.url} lists no ecosystems")
            described = {name: _take_ecosystem(client, name, folder, watch) for name in names}
            (folder / ECOSYSTEMS).write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
            left_out = _take_signals(client, signals, folder, patience)
            manifest = Manifest(
                origin=client.url,
                as_of=client.as_of or now,
                complete=ecosystems is None and client.is_complete,
                ecosystems=described,
                files=dict(sorted(_described_files(folder))),
            )
            (folder / MANIFEST).write_bytes(write_manifest(manifest))
            _put_in_place(folder, out, manifest)
    except OSError as error:
        raise NoPlaceForBundle(f"{out} cannot be written: {error.strerror or error}.") from error
    return Bundled(manifest, sum(file.bytes for file in manifest.files.values()), left_out)


def _refuse_other_things(out: Path) -> None:
    is_ours = (out / MANIFEST).is_file() or (out.is_dir() and not any(out.iterdir()))
    if out.is_dir() if _is_tar(out) else out.exists() and not is_ours:
        raise NoPlaceForBundle(f"{out} is there already, and is no bundle.")


@contextmanager
def _workplace(out: Path) -> Iterator[Path]:
    """Give a folder beside *out*, on the same file system."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
        (inner := Path(folder) / "bundle").mkdir()
        yield inner


def _take_ecosystem(client: FeedClient, name: str, folder: Path, watch: Callable[[Progress], None]) -> BundledEcosystem:
    """Take the index first: the archive is then as new or newer, and what it lacks is asked for by itself."""
    fetched = client.index(name)
    if fetched is None:
        raise FeedUnavailable(f"{client.url} said that {name} is unchanged, which nobody asked")
    index = read_index(fetched.content)
    place = folder / segment(name)
    place.mkdir()
    (place / INDEX).write_bytes(fetched.content)
    with client.archive(name, arriving=lambda done, total: watch(Progress(name, "fetching", done, total))) as file:
        with (place / ARCHIVE).open("wb") as copy:
            shutil.copyfileobj(file, copy, _PIECE)
        file.seek(0)
        left = set(index.modified)
        for osv_id, _ in archived_records(file, index.modified):
            left.discard(osv_id)
    missing = 0
    for osv_id, raw in client.records(name, sorted(left)):
        if raw is None:
            missing += 1
        else:
            (place / f"{segment(osv_id)}.json").write_bytes(raw)
    watch(Progress(name, "storing", len(index.modified), len(index.modified)))
    return BundledEcosystem(records=len(index.modified) - missing, missing=missing)


def _take_signals(client: FeedClient, signals: Mapping[Name, str], folder: Path, patience: Patience) -> dict[str, str]:
    left_out: dict[str, str] = {}
    for name, path in SIGNAL_FILES.items():
        try:
            content = _signal(client, path, signals.get(name, "none"), patience)
            if content is None:
                continue
            SOURCES[name].read(content)  # a web page that says no is no signal
        except UpstreamUnavailable as error:
            left_out[name] = error.detail
            continue
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(content)
    return left_out


def _signal(client: FeedClient, path: str, url: str, patience: Patience) -> bytes | None:
    """Take a file of signals from the bundle that is being copied, or else from where it is published."""
    with client.file(path) as file:
        if file is not None:
            return file.read(MAX_SIGNAL_BYTES)
    if url == "none":
        return None
    fetched = download(url, Validators(), limit=MAX_SIGNAL_BYTES, patience=patience)
    return None if fetched is None else fetched.content


def _described_files(folder: Path) -> Iterator[tuple[str, BundledFile]]:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            yield path.relative_to(folder).as_posix(), BundledFile(digest, path.stat().st_size)


def _put_in_place(folder: Path, out: Path, manifest: Manifest) -> None:
    if _is_tar(out):
        packed = folder.with_name("bundle.tar")
        _pack(folder, packed, manifest)
        packed.replace(out)
        return
    old = folder.with_name("old")  # goes away with the workplace
    if out.exists():
        out.rename(old)
    folder.rename(out)


def _pack(folder: Path, packed: Path, manifest: Manifest) -> None:
    """Write the tar file, the manifest first, on disk before it is moved."""
    with packed.open("wb") as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for name in (MANIFEST, *manifest.files):
                member = tarfile.TarInfo(name)
                member.size, member.mode = (folder / name).stat().st_size, 0o644
                member.mtime = int(manifest.as_of.timestamp())
                with (folder / name).open("rb") as content:
                    tar.addfile(member, content)
        file.flush()
        os.fsync(file.fileno())


def _is_tar(out: Path) -> bool:
    return out.suffix == ".tar"
