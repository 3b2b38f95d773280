#!/usr/bin/env python3
"""report.py RESULTS DOCS: writes benchmark.md and benchmark.svg from the results there are; sections without results stay as they were."""

import os
import re
import shlex
import sys

import chart
from figures import MAKES, PEERS, Scenario, percent, spread

# "msi" has no results here: scripts/bench-msi prints its figures.
SECTIONS = ("gzip", "xz", "rebuild", "sites", "growth", "trees", "endpoint", "msi")
HEAD = """# Benchmark
linkpack against the field's packagers, on the same tree of real software, measured in one run by `scripts/bench`, which wrote this page.

![chart](benchmark.svg)

- The tree is made of Debian packages, each a container below `usr/local/intigua/Intigua-Libs`, and a connector of one script. Links that lead out of their
  package are refused by linkpack; they are removed from the tree for every tool alike.
- Every tool packages this tree where it lies, without looking for dependencies, stripping or running scripts. Levels are those that the tools
  are used with: at gzip 9 (dpkg-deb's and makeself's default; rpmbuild 6, since 9 takes it two and a half times as long for 1% less), at xz 6 (dpkg-deb's
  default); CPack brings its own (7 for its xz RPM).
- Tools take turns in each round, and medians are shown. Output goes to the file system that the tree lies on and is removed before the next; caches of the
  operating system are left alone. CPU is user and system time of a command and its children, RSS the peak of its largest process (a floor of some 10 MiB
  is the measuring process's). MB are 10^6 bytes, MiB 2^20.
- After each run every package is checked by its own tool (`dpkg-deb --info`, `rpm -K`, `sh FILE.run --check`), and in the first round each is unpacked
  and compared with the tree: paths, modes, links, bytes.
- A ratio says how many times linkpack's wall time a row takes.
"""


def packaging(scenario, goal):
    linkpack, peers = scenario.row("linkpack"), scenario.peers()
    names = ["linkpack", "linkpack-warm", *PEERS, peers, "cpack", "rpmbuild-threads", "makeself-threads"]
    rows = [name if name is peers else scenario.row(name) for name in names]
    text = table(
        ["", "runs", "wall s", "CPU s", "peak RSS MiB", "DEB MB", "RPM MB", ".run MB", "ratio"],
        [[label(row), *measured(row), *(size(row.sizes.get(suffix)) for suffix in MAKES), f"{row.wall / linkpack.wall:.2f}"] for row in rows if row],
    )
    text += f"\nThe three peers one after the other take **{peers.wall / linkpack.wall:.1f} times** linkpack's wall time (goal: at least {goal}). Sizes against theirs: "
    compared = [f"{suffix} {percent(linkpack.sizes[suffix], peers.sizes[suffix]):+.1f}%" for suffix in MAKES]
    return text + ", ".join(compared) + " (goal: at most +2%).\n"


def sites(scenario):
    rows = [scenario.row(tool) for tool in ("linkpack", "cp", "cp-and-sync")]
    text = table(
        ["", "runs", "wall s", "CPU s", "peak RSS MiB", "GB", "GB/s", "ratio"],
        [[label(row), *measured(row), f"{row.size / 1e9:.1f}", f"{row.size / 1e9 / row.wall:.2f}", f"{row.wall / rows[0].wall:.2f}"] for row in rows],
    )
    return text + f"\nlinkpack takes **{rows[0].wall / rows[1].wall:.2f} times** the time of `cp` of the same bytes (goal: at most 1.5). `cp` copies one site's packages, from memory, as often as there are sites.\n"


def growth(scenario):
    text = ""
    for kind, goal, unit in (("mb", 15, "ms/MB"), ("files", 25, "ms/file")):
        rows = scenario.growth(kind)
        rates = [row.wall * 1000 / (row.first["bytes"] / 1e6 if kind == "mb" else row.first["files"]) for row in rows]
        text += table(
            ["MB", "files", "runs", "wall s", "CPU s", "peak RSS MiB", "packages MB", unit],
            [[f"{row.first['bytes'] / 1e6:,.0f}", f"{row.first['files']:,}", *measured(row), size(row.size), f"{rate:.3g}"] for row, rate in zip(rows, rates)],
        )
        text += f"\nFrom the fastest to the slowest: **{spread(rates):.0f}%** (goal: within {goal}%). Largest RSS: {max(row.rss for row in rows) >> 10} MiB (goal: 128).\n\n"
    return text + "DEB, RPM and .run at gzip, no cache. Each size is a mixture of the same make-up, whose copies differ in every byte. Before each run all\nmemory is filled with pages of a file, and then linkpack and the payload are read: free memory of a virtual machine may be its host's, and waiting for it is not linkpack's work.\n"


def trees(scenario):
    rows = []
    for kind, what in (("go", "many small files"), ("dlls", "many alike DLLs")):
        for codec in ("gzip", "xz"):
            ours, theirs = (scenario.row(tool, kind=kind, codec=codec) for tool in ("linkpack", "dpkg-deb"))
            rows.append([what, codec, size(ours.size), size(theirs.size), f"{percent(ours.size, theirs.size):+.1f}%", f"{ours.wall:.2f}", f"{theirs.wall:.2f}", f"{theirs.wall / ours.wall:.1f}"])
    text = table(["", "codec", "linkpack DEB MB", "dpkg-deb MB", "size", "linkpack s", "dpkg-deb s", "ratio"], rows)
    return text + "\nWhat cutting the content into units costs in size against dpkg-deb's one stream. Small files: golang-1.19-src; DLLs: libwine.\n"


def endpoint(scenario):
    rows = []
    for codec in ("gzip", "xz"):
        reference = scenario.row("tar", codec=codec)
        for tool in ("tar", "extract", "install"):
            row = scenario.row(tool, codec=codec)
            rows.append([codec, label(row), *measured(row), f"{row.wall / reference.wall:.2f}"])
    text = table(["codec", "", "runs", "wall s", "CPU s", "peak RSS MiB", "against tar"], rows)
    return text + "\ntar: `sha256sum` of the compressed payload, then `tar xf` of it. Install: checks, copy of the settings, registration, without starting the service; its\nchanges to /etc, /var and /usr go to a throwaway layer (scripts/bench.d/private).\n"


THREADS = "\ndpkg-deb compresses on all processors by itself, rpmbuild and makeself on one; the rows below the sum show them told to use all.\n"
RENDER = {
    "gzip": ("DEB, RPM and .run at gzip", lambda scenario: packaging(scenario, 25)),
    "xz": ("DEB, RPM and .run at xz", lambda scenario: packaging(scenario, 4.5) + THREADS),
    "rebuild": ("A rebuild with one changed configuration file, at xz", lambda scenario: packaging(scenario, 100)),
    "sites": ("Many sites of one product", sites),
    "growth": ("Growth", growth),
    "trees": ("Trees of files that are small, or alike", trees),
    "endpoint": ("On the endpoint", endpoint),
}
LABELS = {
    "linkpack": "**linkpack**",
    "linkpack-warm": "linkpack, cache filled",
    "the three peers": "*these three, one after the other*",
    "cpack": "CPack (DEB and RPM)",
    "rpmbuild-threads": "rpmbuild on all processors",
    "makeself-threads": "makeself on all processors",
    "cp-and-sync": "cp, and its data on the disk",
    "tar": "tar and sha256sum",
    "extract": ".run --extract",
    "install": ".run, installation",
}


def label(row):
    return LABELS.get(row.tool, row.tool)


def measured(row):
    return [str(row.runs), f"{row.wall:.2f}", f"{row.cpu:.2f}", str(row.rss >> 10)]


def size(value):
    return f"{value / 1e6:.1f}" if value else ""


def table(head, rows):
    lines = [head, ["---"] + ["--:"] * (len(head) - 1), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def commands(scenario):
    """The exact command lines, without this machine's paths."""
    bench, seen = scenario.machine["bench"], {}
    for line in scenario.lines:
        seen.setdefault((line["tool"], line.get("codec")), line["command"])
    text = ""
    for (tool, _), command in seen.items():
        words = [re.sub(r"^.*/(linkpack|scripts/bench\.d/\w+)$", r"\1", word) for word in command]
        joined = re.sub(re.escape(bench) + r"/(work/|\w+-\w{12}/)?", "", shlex.join(words))
        text += f"    # {tool}\n    {joined}\n"
    return text


def facts(machine):
    return (
        f"{machine['date']}, linkpack: {machine['commit']}. {machine['megabytes']} MB in {machine['files']:,} files of {machine['packages']};"
        f" {machine['removed']} links removed. {machine['cores']} cores of {machine['cpu']}, {machine['memory'] >> 20} GiB, {machine['disk']}, {machine['kernel']}. {machine['tools']}."
        + (" **A quick run on a small payload: it says nothing about speed.**" if machine["quick"] else "")
    )


def section(name, scenario):
    title, render = RENDER[name]
    return f"## {title}\n{render(scenario)}\n<details><summary>machine and commands</summary>\n\n{facts(scenario.machine)}\n\n{commands(scenario)}\n</details>\n"


def marked(name, text):
    return f"<!-- {name} -->\n{text}<!-- /{name} -->\n"


def previous(path, name):
    """The section as the page has it, or nothing."""
    if not os.path.exists(path):
        return ""
    with open(path) as file:
        found = re.search(rf"^<!-- {name} -->\n(.*?)^<!-- /{name} -->\n", file.read(), re.M | re.S)
    return found[1] if found else ""


def write(path, text):
    with open(path + ".part", "w") as file:
        file.write(text)
    os.replace(path + ".part", path)


def main():
    results, docs = sys.argv[1:3]
    page, picture = os.path.join(docs, "benchmark.md"), os.path.join(docs, "benchmark.svg")
    text, panels = HEAD, ""
    for name in SECTIONS:
        source = os.path.join(results, name + ".jsonl")
        if os.path.exists(source):
            # A short rebuild leaves out the peers, who start from nothing every time: theirs are the figures at xz.
            fresh = os.path.join(results, "xz.jsonl")
            scenario = Scenario(source, fresh if name == "rebuild" and os.path.exists(fresh) else None)
            part, panel = section(name, scenario), chart.panels(name, scenario)
        else:
            part, panel = previous(page, name), previous(picture, name)
        text += "\n" + marked(name, part) if part else ""
        panels += marked(name, panel) if panel else ""
    write(page, text)
    write(picture, chart.picture(panels))


main()
