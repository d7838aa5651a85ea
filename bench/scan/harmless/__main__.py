# SPDX-License-Identifier: Apache-2.0
"""`python3 -m harmless FOLDER [PART…]`: writes harmless files of real libraries."""

import sys
from pathlib import Path

from . import MAKERS, write

if len(sys.argv) < 2 or not set(sys.argv[2:]) <= set(MAKERS):
    raise SystemExit(f"{__doc__}\n\nParts: {', '.join(MAKERS)}")
print(f"{write(Path(sys.argv[1]), sys.argv[2:])} files")
