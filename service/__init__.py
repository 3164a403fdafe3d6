"""Muster: SBOM inventory and incident response.

The map of the rooms is ``service/README.md``.
"""
