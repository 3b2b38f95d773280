"""Judges linkpack's documents with the official tools of each form; prints one line a document, and exits with 1 at the first fault."""
import hashlib, json, pathlib, sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from google.protobuf import json_format
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from packageurl import PackageURL
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document


def cyclonedx(path):
    text = path.read_text()
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if error:
        sys.exit(f"{path}: {error}")
    for component in json.loads(text)["components"]:
        if "purl" in component and PackageURL.from_string(component["purl"]).to_string() != component["purl"]:
            sys.exit(f"{path}: {component['purl']} is not in canonical form")


def spdx(path):
    messages = validate_full_spdx_document(parse_file(str(path)), "SPDX-2.3")
    if messages:
        sys.exit(f"{path}: {messages[0].validation_message} (and {len(messages) - 1} more)")


def provenance(path):
    said = json.loads(path.read_text())
    # Both refuse keys that the formats do not have.
    Statement.copy_from_pb(json_format.ParseDict(said, statement_pb2.Statement())).validate()
    json_format.ParseDict(said["predicate"], provenance_pb2.Provenance())
    if said["_type"] != "https://in-toto.io/Statement/v1" or said["predicateType"] != "https://slsa.dev/provenance/v1":
        sys.exit(f"{path}: neither an in-toto statement nor SLSA's predicate")
    for subject in said["subject"]:
        if hashlib.sha256((path.parent / subject["name"]).read_bytes()).hexdigest() != subject["digest"]["sha256"]:
            sys.exit(f"{path}: {subject['name']} has another digest")
    definition, details = said["predicate"]["buildDefinition"], said["predicate"]["runDetails"]
    for part, keys in (definition, ["buildType", "externalParameters"]), (details["builder"], ["id"]):
        for key in keys:
            if not part[key]:
                sys.exit(f"{path}: {key} is empty")


for argument in sys.argv[1:]:
    path = pathlib.Path(argument)
    kind = [kind for ending, kind in {".cdx.json": cyclonedx, ".spdx.json": spdx, ".provenance.json": provenance}.items() if path.name.endswith(ending)]
    kind[0](path)
    print(f"valid: {path.name}")
