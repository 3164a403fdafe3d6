"""The command `muster`, with every part in hand."""

from service.cli.app import run
from service.cli.parts import Parts
from service.jobs.running import running
from service.main import create_app


def main() -> None:
    """Run the command line."""
    run(Parts(create_app=create_app, run_jobs=running))


if __name__ == "__main__":
    main()
