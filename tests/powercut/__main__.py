"""`python3 tests/powercut` is tests/powercut/run.py."""

import sys

from run import main

sys.exit(main())
