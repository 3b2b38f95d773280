"""Judges the crates that linkpack is made of: their licences, where they come from, and how many versions there are of each.

Reads what `cargo metadata` prints from standard input; exits with 1 and a line for each crate that does not fit.
"""
import collections
import json
import re
import sys

LICENCES = {
    "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-1-Clause", "BSD-2-Clause", "BSD-3-Clause", "bzip2-1.0.6", "CC0-1.0",
    "MIT", "MIT-0", "Unicode-3.0", "Unlicense", "Zlib",
}
REGISTRY = "registry+https://github.com/rust-lang/crates.io-index"
# Crates of which there is more than one version, and who holds the older one back.
SEVERAL = {
    "base64": "rpm",
    "cpufeatures": "RustCrypto's stable generation (sha2 0.10); blake3 has the next",
    "getrandom": "RustCrypto's stable generation; tempfile has the next",
    "rand": "num-bigint-dig of rsa; proptest has the next",
    "rand_core": "RustCrypto's stable generation; proptest has the next",
    "serdect": "elliptic-curve; pgp has the next",
    "syn": "derive macros of three generations: they are compiled in no program",
}


def allowed(expression):
    """Whether an SPDX expression can be met by the licences above; a `/` is an old way to write OR."""
    terms = re.split(r"(\(|\)|\bAND\b|\bOR\b|/)", expression)
    words = {"AND": "and", "OR": "or", "/": "or", "(": "(", ")": ")", "": ""}
    python = " ".join(words.get(term.strip(), str(term.strip() in LICENCES)) for term in terms)
    return eval(python, {"__builtins__": {}})  # nothing but True, False, and, or, parentheses


def faults(packages):
    versions = collections.defaultdict(set)
    for package in packages:
        name, licence = package["name"], package["license"] or ""
        versions[name].add(package["version"])
        if not licence or not allowed(licence):
            yield f"{name}: the licence {licence or 'is not named, which'} is not among those allowed in {__file__}"
        if package["source"] not in (None, REGISTRY):
            yield f"{name}: comes from {package['source']}, not from crates.io"
    for name, found in sorted(versions.items()):
        if len(found) > 1 and name not in SEVERAL:
            yield f"{name}: there are the versions {', '.join(sorted(found))}; keep one, or say in {__file__} why not"
        if len(found) == 1 and name in SEVERAL:
            yield f"{name}: there is one version again: take it out of SEVERAL in {__file__}"


found = list(faults(json.load(sys.stdin)["packages"]))
for fault in found:
    print("error:", fault, file=sys.stderr)
sys.exit(bool(found))
