#!/usr/bin/env python3
"""same.py EXPECTED FOUND [NAME...]: fails unless both folders hold the same files, modes, links and bytes. Files called NAME may be added."""

import filecmp
import os
import stat
import sys


def listing(root):
    found = {}
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            path = os.path.join(folder, name)
            mode = os.lstat(path).st_mode
            what = os.readlink(path) if stat.S_ISLNK(mode) else oct(mode)
            found[os.path.relpath(path, root)] = what
    return found


expected, found = listing(sys.argv[1]), listing(sys.argv[2])
for name in [name for name in found if name not in expected and os.path.basename(name) in sys.argv[3:]]:
    del found[name]
wrong = [f"{name}: {expected.get(name)} became {found.get(name)}" for name in sorted(expected.keys() | found.keys()) if expected.get(name) != found.get(name)]
for name, what in expected.items():
    pair = [os.path.join(root, name) for root in sys.argv[1:3]]
    if not wrong and what.startswith("0o100") and not filecmp.cmp(*pair, shallow=False):
        wrong.append(f"{name}: other bytes")
if wrong:
    sys.exit("error: the package does not hold what went in\n" + "\n".join(wrong[:20]))
