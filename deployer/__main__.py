"""`python -m deployer` and the `deployer` command."""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the command line and leaves with its exit code."""
    try:
        from deployer.cli.app import run  # noqa: PLC0415 - keeps `import deployer.__main__` free of everything

        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # while it was still importing
        code = 130
    sys.exit(code)


if __name__ == "__main__":
    main()
