"""One ordering per family of ecosystems. Pure."""
