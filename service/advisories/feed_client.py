"""The way to a source of advisories, from its address."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx

from service.advisories.feed_bucket_client import BucketFeed
from service.advisories.feed_folder import BundleInTar, FolderFeed
from service.advisories.feed_source import FeedClient, FeedUnavailable
from service.advisories.retrying_client import PATIENT, Patience

__all__ = ["PATIENT", "FeedClient", "FeedUnavailable", "Patience", "open_feed"]


@contextmanager
def open_feed(url: str, patience: Patience = PATIENT) -> Iterator[FeedClient]:
    """Open the feed at an address: ``http(s)://`` or ``file://``; a bucket's layout, or a bundle (``.tar``).

    Raises:
        FeedUnavailable: The address is neither, or nothing is there, or the bundle is not whole.
    """
    parts = urlsplit(url)
    with ExitStack() as stack:
        if parts.scheme == "file":
            place = Path(unquote(parts.path))
            if place.is_file():
                yield stack.enter_context(BundleInTar.opened(place))
            else:
                yield FolderFeed.opened(url.rstrip("/"), place)
        elif parts.scheme in ("http", "https"):
            timeout = httpx.Timeout(patience.silence.total_seconds(), connect=patience.connect.total_seconds())
            client = stack.enter_context(httpx.Client(timeout=timeout, follow_redirects=True))
            if parts.path.endswith(".tar"):
                folder, _, name = url.rpartition("/")
                file = stack.enter_context(BucketFeed(folder, client, patience).whole_file(unquote(name)))
                yield stack.enter_context(BundleInTar.read(file, name))
            else:
                yield BucketFeed(url.rstrip("/"), client, patience)
        else:
            raise FeedUnavailable(f"{url!r} is no feed: give an http(s) address or file:///folder")
