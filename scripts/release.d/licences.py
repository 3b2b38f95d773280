#!/usr/bin/env python3
"""The licence files of all crates that a binary is made of, in one text: licences.py < cargo-metadata.json > THIRD-PARTY.txt

A crate without a licence file of its own is listed with what its manifest says.
"""
import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from crates import used  # noqa: E402

NAMES = re.compile(r"^(licen[cs]e|copying|copyright|notice|unlicense)", re.I)


def texts(package):
    """A crate's licence files, and those of the C code that it carries."""
    folder = pathlib.Path(package["manifest_path"]).parent
    files = [path for path in folder.iterdir() if NAMES.match(path.name) and path.is_file()]
    files += [path for path in folder.glob("*/*") if NAMES.match(path.name) and path.is_file()]
    if package["license_file"] and not any(path.name == package["license_file"] for path in files):
        files.append(folder / package["license_file"])
    for path in sorted(set(files)):
        yield path.relative_to(folder), path.read_text(encoding="utf-8", errors="replace").strip()


def main():
    packages = used(json.load(sys.stdin))
    print("linkpack is linked with these libraries. Each text below is the one of its maker.\n")
    lacking = []
    for one in packages:
        found = list(texts(one))
        print(f"{one['name']} {one['version']}: {one['license'] or one['license_file']}")
        if not found:
            lacking.append(one)
    known = {}
    for one in packages:
        for path, text in texts(one):
            known.setdefault(text, []).append(f"{one['name']} {one['version']} ({path})")
    for text, names in known.items():
        print("\n" + "=" * 78 + "\n" + "\n".join(names) + "\n" + "-" * 78 + "\n" + text)
    if lacking:
        print("\n" + "=" * 78 + "\nWithout a text of their own; their licences are those of the list:")
        for one in lacking:
            print(f"{one['name']} {one['version']}: {one['license']}, {one['repository'] or 'no repository named'}")


main()
