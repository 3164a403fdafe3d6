"""``muster demo``: two days in March 2024, told on a service of its own through the doors that everybody uses."""

from service.cli.demo.command import commands

__all__ = ["commands"]
