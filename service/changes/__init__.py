"""The numbered feed of changes: written beside what changed, numbered after commit."""
