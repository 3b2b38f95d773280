#!/usr/bin/env python3
"""slices.py SOURCE DESTINATION COUNT OF [FILES]

Cuts SOURCE into OF slices of one and the same mixture, and writes DESTINATION/000/000, /001/001 ... until there are COUNT: the slices, then
the slices again and again, each time with all bytes changed by another key, so that nothing is packed for free because it was seen before
while it stays as compressible as it is. Files above 1 MiB give each slice its share of pieces, smaller ones are dealt out by size.
With FILES each slice has just so many files, of at most 256 KiB."""

import os
import sys

PIECE = 1 << 20


def regular(source, limit):
    for folder, _, files in os.walk(source):
        for name in files:
            path = os.path.join(folder, name)
            if not os.path.islink(path) and os.path.getsize(path) <= limit:
                yield os.path.getsize(path), os.path.relpath(path, source)


def pieces(path, size, index, count):
    """The bytes of a file that belong to slice `index`: all of a small one, every count-th piece of a large one."""
    with open(path, "rb") as file:
        if size <= PIECE:
            yield file.read()
            return
        for start in range(index * PIECE, size, count * PIECE):
            file.seek(start)
            yield file.read(PIECE)


def write_slice(number, source, destination, files, count):
    index, xor = number % count, 1 + number // count
    table = bytes(byte ^ xor for byte in range(256))
    part = os.path.join(destination, f"{number:03}.part")
    for position, (size, name) in enumerate(files):
        if size <= PIECE and position % count != index:
            continue
        target = os.path.join(part, f"{number:03}", name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as file:
            for piece in pieces(os.path.join(source, name), size, index, count):
                file.write(piece.translate(table))
    os.rename(part, os.path.join(destination, f"{number:03}"))


def main():
    source, destination, wanted, count, *rest = sys.argv[1:]
    wanted, count = int(wanted), int(count)
    files = sorted(regular(source, 1 << 18 if rest else 1 << 40))
    if rest:
        total = int(rest[0]) * count
        if total > len(files):
            sys.exit(f"error: {source} has {len(files)} small files, and {total} are wanted")
        files = [files[i * len(files) // total] for i in range(total)]
    if wanted > 255 * count:
        sys.exit(f"error: no more than {255 * count} slices can differ")
    for number in range(wanted):
        if not os.path.isdir(os.path.join(destination, f"{number:03}")):
            write_slice(number, source, destination, files, count)


main()
