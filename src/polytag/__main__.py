"""`python -m polytag` is the same as `polytag`."""

import sys

from polytag.cli import main

sys.exit(main())
