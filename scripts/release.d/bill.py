#!/usr/bin/env python3
"""A CycloneDX bill of linkpack's own binary: bill.py BINARY < cargo-metadata.json. The same bytes for the same commit."""
import hashlib
import json
import os
import pathlib
import sys
import time
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from crates import used  # noqa: E402


def component(one):
    made = {
        "type": "library",
        "bom-ref": f"pkg:cargo/{one['name']}@{one['version']}",
        "name": one["name"],
        "version": one["version"],
        "purl": f"pkg:cargo/{one['name']}@{one['version']}",
    }
    if one["license"]:
        made["licenses"] = [{"expression": one["license"].replace("/", " OR ")}]
    return made


def main():
    metadata = json.load(sys.stdin)
    package = next(one for one in metadata["packages"] if one["name"] == "linkpack")
    digest = hashlib.sha256(pathlib.Path(sys.argv[1]).read_bytes()).hexdigest()
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(os.environ["SOURCE_DATE_EPOCH"])))
    components = [component(one) for one in used(metadata)]
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": uuid.uuid5(uuid.NAMESPACE_URL, digest).urn,
        "version": 1,
        "metadata": {
            "timestamp": moment,
            "component": {
                "type": "application",
                "bom-ref": "linkpack",
                "name": "linkpack",
                "version": package["version"],
                "licenses": [{"expression": package["license"]}],
                "hashes": [{"alg": "SHA-256", "content": digest}],
            },
        },
        "components": components,
        "dependencies": [{"ref": "linkpack", "dependsOn": [one["bom-ref"] for one in components]}],
    }
    json.dump(bill, sys.stdout, indent=2)
    print()


main()
