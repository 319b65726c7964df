"""The modules beside these tests can be imported by name: the oracle and the worlds they are tried on."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
