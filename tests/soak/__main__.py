"""An hour of bad treatment: python -m tests.soak [minutes] [seed]."""

import sys

from tests.soak.soak import main

sys.exit(main())
