"""Names as parts of addresses: products are slugged as the service does it, anything else is escaped."""

from urllib.parse import quote

from service.inventory.slugs import slugify


def product_path(name: str) -> str:
    """Give the address of a product; a slash in its name, which would be two segments, makes a slug already here."""
    return f"/v1/products/{_slug(name)}"


def vex_path(name: str) -> str:
    """Give the address of what is stated about a product."""
    return f"/v1/vex/{_slug(name)}"


def _slug(name: str) -> str:
    return segment(slugify(name)[0] if "/" in name else name)


def segment(name: str) -> str:
    """Write a name as one segment of a path."""
    return quote(name, safe="")
