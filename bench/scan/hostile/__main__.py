# SPDX-License-Identifier: Apache-2.0
"""`python3 -m hostile FOLDER`: writes the corpus, and `FOLDER.json`, the manifest, beside it."""

import collections
import sys
from pathlib import Path

from . import save

if len(sys.argv) != 2:
    raise SystemExit(__doc__)
folder = Path(sys.argv[1])
entries = save(folder, folder.with_name(folder.name + ".json"))
for family, count in sorted(collections.Counter(entry["family"] for entry in entries).items()):
    print(f"{count:4} {family}")
print(f"{len(entries):4} in all")
