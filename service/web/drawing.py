"""From values to HTML: every value escaped, every invisible character made visible, every instant in UTC."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from importlib import resources
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from service.incidents.showing import visible_text

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
#: Sent with every page. With ``no-referrer`` browsers would send our own forms with ``Origin: null``.
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def visible(value: object) -> object:
    """Show what cannot be seen: U+202E becomes ``⟨U+202E⟩``. Whoever wrote an SBOM chose these texts."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return "" if value is None else value
    return visible_text(value)


def instant(value: datetime | str | None) -> Markup:
    """Write an instant in UTC, to the minute, in a ``<time>``."""
    if value is None:
        return Markup("&ndash;")
    at = moment(value).astimezone(UTC)
    exact = at.isoformat(timespec="seconds").replace("+00:00", "Z")
    shown = Markup("<span>{}</span> <span>{} UTC</span>").format(f"{at:%Y-%m-%d}", f"{at:%H:%M}")
    return Markup('<time datetime="{}">{}</time>').format(exact, shown)


def moment(value: datetime | str) -> datetime:
    """Read an instant as rows and API values have it."""
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


def duration(span: timedelta) -> str:
    """Write a time span in its two largest units: ``2 d 4 h``."""
    minutes = int(abs(span).total_seconds()) // 60
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [f"{number} {unit}" for number, unit in ((days, "d"), (hours, "h"), (minutes, "min")) if number]
    return " ".join(parts[:2]) or "less than a minute"


def _static(name: str) -> bytes:
    return (resources.files("service.web") / "static" / name).read_bytes()


#: Served from memory: name to (content, media type).
STATIC = {
    "muster.css": (_static("muster.css"), "text/css; charset=utf-8"),
    "muster.svg": (_static("muster.svg"), "image/svg+xml"),
}


def address_of(name: str) -> str:
    """Give the address of a static file; it changes with the content, so that it may be kept for ever."""
    return f"/static/{name}?v={sha256(STATIC[name][0]).hexdigest()[:10]}"


_environment = Environment(
    loader=PackageLoader("service.web", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    finalize=visible,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters |= {"instant": instant, "duration": duration, "moment": moment}
_environment.globals |= {"static": address_of}


def draw(template: str, *, status: int = 200, **values: Any) -> HTMLResponse:  # noqa: ANN401 - templates take anything
    """Draw a page."""
    return HTMLResponse(_environment.get_template(template).render(values), status, headers=HEADERS)
