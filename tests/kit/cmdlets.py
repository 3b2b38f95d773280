"""cmdlets.py FACTS.json SCRIPT.ps1...: what in a script's calls of ConfigMgr differs from the facts: a cmdlet or a parameter that they do not
have, no parameter set that takes what is given, a value that is none of those listed. A table that is splatted counts as its parameters."""
import json
import sys

import tree_sitter
import tree_sitter_pwsh

parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_pwsh.language()))


def found(node, kind):
    return ([node] if node.type == kind else []) + [one for child in node.children for one in found(child, kind)]


def text(node):
    return node.text.decode()


def plain(value):
    """A literal without its quotes; None for what is computed."""
    value = value.strip()
    if value[:1] == "'" == value[-1:]:
        return value[1:-1]
    return value if value.isalnum() else None


def tables(root):
    """Variables that a table is assigned to: name -> {parameter: value}."""
    known = {}
    for assignment in found(root, "assignment_expression"):
        variable, value = text(assignment).split("=", 1)
        if value.strip().startswith("@{"):
            body = found(assignment, "hash_literal_body")[0]
            entries = [text(entry).split("=", 1) for entry in body.children if entry.type == "hash_entry"]
            known[variable.strip().lower()] = {key.strip(): plain(value) for key, value in entries}
    return known


def parameters(command, known):
    given, last = {}, None
    for element in next((child.children for child in command.children if child.type == "command_elements"), []):
        if element.type == "command_parameter":
            last = text(element)[1:]
            given[last] = None
        elif text(element).startswith("@") and element.type == "unary_expression" and "$" + text(element)[1:].lower() in known:
            given.update(known["$" + text(element)[1:].lower()])
        elif last and element.type in ("unary_expression", "generic_token"):
            given[last], last = plain(text(element)), None
    return given


def faults(name, given, facts):
    fact = {cmdlet.lower(): fact for cmdlet, fact in facts.items()}.get(name.lower())
    if not fact:
        return ["no such cmdlet"]
    takes = [one for one in fact["sets"] if set(one["must"]) <= set(given) <= set(one["must"]) | set(one["may"])]
    wrong = [] if takes else [f"no parameter set takes {sorted(given)}"]
    values = fact.get("values", {})
    wrong += [f"-{key} {value} is none of {values[key]}" for key, value in given.items() if value and key in values and value not in values[key]]
    return wrong


facts = json.load(open(sys.argv[1]))
for path in sys.argv[2:]:
    root = parser.parse(open(path, "rb").read()).root_node
    known = tables(root)
    for command in found(root, "command"):
        name = text(command).split()[0]
        if "-CM" not in name:
            continue
        for fault in faults(name, parameters(command, known), facts):
            print(f"{path}:{command.start_point[0] + 1}: {name}: {fault}")
