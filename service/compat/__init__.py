"""Doors that other people's tools know already; each speaks its own dialect over the same flows."""
