"""`python -m waiver_exchange` is `waiver`."""

import sys

from waiver_exchange.cli import main

sys.exit(main())
