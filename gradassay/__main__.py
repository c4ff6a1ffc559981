"""``python -m gradassay``."""

import sys

from gradassay.cli.main import main

sys.exit(main())
