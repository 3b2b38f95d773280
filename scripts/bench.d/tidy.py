#!/usr/bin/env python3
"""Makes packages' trees fit for every tool: removes the links that leave a package, and the set-id bits. Prints what it removed."""

import os
import stat
import sys


def leaves(link, target):
    """By the letter: an absolute target, or one above the package."""
    return target.startswith("/") or os.path.normpath(os.path.join(os.path.dirname(link), target)).split("/")[0] == ".."


def tidy(package):
    for folder, folders, files in os.walk(package):
        for name in folders + files:
            path = os.path.join(folder, name)
            if not os.path.islink(path):
                os.chmod(path, stat.S_IMODE(os.stat(path).st_mode) & 0o777)
            elif leaves(os.path.relpath(path, package), os.readlink(path)):
                print(path, "->", os.readlink(path))
                os.unlink(path)


for entry in os.scandir(sys.argv[1]):
    tidy(entry.path)
