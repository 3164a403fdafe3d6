"""A small honest server of signals: CISA's catalogue and FIRST's scores, as files; it can misbehave."""

import gzip
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from osv_bucket import Bucket, serve_bucket

from service.advisories.feed_client import Patience

KEV, EPSS = "known_exploited_vulnerabilities.json", "epss_scores-current.csv.gz"

#: Tries twice, and waits for nobody.
HASTY = Patience(attempts=2, first_wait=timedelta(milliseconds=1), longest_wait=timedelta(milliseconds=2))


def make_listing(cve: str, *, added: str = "2026-03-01", ransomware: bool = False, **fields: object) -> dict[str, Any]:
    """Write one entry of the catalogue; further fields go in as they are."""
    return {
        "cveID": cve,
        "vendorProject": "Example",
        "product": "Example",
        "vulnerabilityName": f"Example {cve} Vulnerability",
        "dateAdded": added,
        "shortDescription": "Example contains a vulnerability.",
        "requiredAction": "Apply mitigations per vendor instructions.",
        "dueDate": "2026-03-22",
        "knownRansomwareCampaignUse": "Known" if ransomware else "Unknown",
        "notes": "",
        "cwes": ["CWE-787"],
        **fields,
    }


def make_catalogue(*entries: dict[str, Any], released: str = "2026-03-02T16:56:06.3657Z") -> bytes:
    """Write the catalogue that lists these."""
    catalogue = {
        "title": "CISA Catalog of Known Exploited Vulnerabilities",
        "catalogVersion": released[:10].replace("-", "."),
        "dateReleased": released,
        "count": len(entries),
        "vulnerabilities": list(entries),
    }
    return json.dumps(catalogue).encode()


def make_scores(scores: Mapping[str, float], *, day: str = "2026-03-02") -> bytes:
    """Write a day's scores; percentiles are made up."""
    lines = [f"#model_version:v2026.03.14,score_date:{day}T00:00:00+0000", "cve,epss,percentile"]
    lines += [f"{cve},{score},{min(1.0, score + 0.1):.5f}" for cve, score in sorted(scores.items())]
    return gzip.compress(("\n".join(lines) + "\n").encode())


@dataclass
class SignalServer:
    """Serves two files; `bucket` has what was asked, and the faults to come."""

    folder: Path
    bucket: Bucket

    @property
    def kev_url(self) -> str:
        return f"{self.bucket.url}/{KEV}"

    @property
    def epss_url(self) -> str:
        return f"{self.bucket.url}/{EPSS}"

    def publish(self, *, kev: bytes | None = None, epss: bytes | None = None) -> None:
        """Put new editions in place; None leaves the one that is there."""
        for name, content in ((KEV, kev), (EPSS, epss)):
            if content is not None:
                (self.folder / name).write_bytes(content)


@contextmanager
def serve_signals(folder: Path) -> Iterator[SignalServer]:
    """Serve nothing until something is published."""
    folder.mkdir(parents=True, exist_ok=True)
    with serve_bucket(folder) as bucket:
        yield SignalServer(folder, bucket)
