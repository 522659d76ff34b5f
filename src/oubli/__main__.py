"""The command line as ``python -m oubli``, for where the `oubli` script is not on the path."""

import sys

from oubli.cli import main

if __name__ == "__main__":
    sys.exit(main())
