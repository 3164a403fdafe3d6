"""Everything that can be configured, read once from the environment (prefix ``MUSTER_``).

Read in ``main`` and at the doors of the command line, passed down, never imported as a value.
"""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import platformdirs
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

#: Where OSV publishes; the layout is the same for a mirror or a folder.
OSV_BUCKET = "https://storage.googleapis.com/osv-vulnerabilities"

#: Where CISA publishes what is exploited, and FIRST what may be.
KEV_CATALOGUE = "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json"
EPSS_SCORES = "https://epss.empiricalsecurity.com/epss_scores-current.csv.gz"


def _default_data() -> Path:
    return Path(platformdirs.user_data_dir("muster", appauthor=False))


class Settings(BaseSettings):
    """One frozen object; each field is documented in the README, which a test holds."""

    model_config = SettingsConfigDict(env_prefix="MUSTER_", frozen=True, extra="ignore")

    database_url: SecretStr | None = Field(
        default=None, description="PostgreSQL 15 or newer; absent: the embedded server"
    )
    read_database_url: SecretStr | None = Field(
        default=None, description="a replica for reads; absent: the same database"
    )
    data: Path = Field(default_factory=_default_data, description="folder of the embedded server and generated secrets")
    host: str = Field(default="127.0.0.1", description="address the server listens on")
    port: int = Field(default=8000, ge=0, le=65535, description="port the server listens on")
    workers: int = Field(default=1, ge=1, description="server processes")
    public_url: str | None = Field(default=None, description="address that links and problem types start with")
    organisation: str | None = Field(
        default=None, description="who publishes what this service states (VEX); absent: the host of PUBLIC_URL"
    )
    secret_key: SecretStr | None = Field(
        default=None, description="signs cookies and cursors; generated into DATA with the embedded server"
    )
    osv_url: str = Field(default=OSV_BUCKET, description="bucket, mirror, file:///folder of the same layout, or none")
    osv_api_url: str | None = Field(
        default=None, description="OSV's API, for a second opinion only; asking tells it what is in use"
    )
    osv_ecosystems: Annotated[str | tuple[str, ...], NoDecode] = Field(
        default="used", description="used, all, or a comma-separated list"
    )
    sync_every: timedelta = Field(
        default=timedelta(minutes=15), description="seconds or ISO 8601 duration between syncs"
    )
    stale_after: timedelta = Field(
        default=timedelta(days=30),
        ge=timedelta(hours=1),
        description="a stream that is silent for so long proves nothing, and searches say so",
    )
    kev_url: str = Field(
        default=KEV_CATALOGUE, description="CISA's catalogue of what is exploited, a mirror, file:///file, or none"
    )
    epss_url: str = Field(default=EPSS_SCORES, description="EPSS scores of a day, a mirror, file:///file, or none")
    max_upload_bytes: int = Field(default=256 * 2**20, ge=1024, description="largest SBOM, decompressed")
    trusted_keys: Path | None = Field(
        default=None, description="folder of public keys (PEM) that signatures on SBOMs are verified with"
    )
    smtp_url: SecretStr | None = Field(
        default=None, description="where mail goes out: smtp://user:password@host:587, smtps://host; absent: no mail"
    )
    smtp_from: str = Field(default="muster@localhost", description="address that mail comes from")
    digest_hour: int = Field(default=7, ge=0, le=23, description="hour (UTC) of the one digest a day")
    webhook_allow_private: bool = Field(
        default=False, description="let webhooks use plain HTTP, any port, and addresses of private networks"
    )
    log_json: bool = Field(default=False, description="log as JSON lines")

    # For the client side of the command line.
    url: str = Field(default="http://127.0.0.1:8000", description="service that client commands talk to")
    api_key: SecretStr | None = Field(default=None, description="key that client commands send")

    @field_validator("osv_ecosystems", mode="before")
    @classmethod
    def _ecosystems(cls, value: object) -> object:
        if not isinstance(value, str) or value in {"used", "all"}:
            return value
        return tuple(part.strip() for part in value.split(",") if part.strip())
