"""Which crates are in the binary, by cargo's metadata."""


def used(metadata):
    """Crates that the package linkpack is linked with, not those that only build it or test it."""
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    package = next(one for one in metadata["packages"] if one["name"] == "linkpack")
    seen, queue = set(), [package["id"]]
    while queue:
        current = queue.pop()
        if current in seen:
            continue
        seen.add(current)
        for dep in nodes[current]["deps"]:
            if any(kind["kind"] is None for kind in dep["dep_kinds"]):
                queue.append(dep["pkg"])
    packages = [one for one in metadata["packages"] if one["id"] in seen and one["source"]]
    return sorted(packages, key=lambda one: (one["name"], one["version"]))
