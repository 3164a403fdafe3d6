"""Pages for people, drawn on the server over the same functions as the API. No script, nothing from elsewhere."""

from service.web.routes import install

__all__ = ["install"]
