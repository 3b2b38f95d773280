"""Results as scripts/bench.d/measure.py left them: a scenario's lines, and the medians of their rows."""

import json
from statistics import median

PEERS = ("dpkg-deb", "rpmbuild", "makeself")
# Which peer makes which format.
MAKES = {"deb": "dpkg-deb", "rpm": "rpmbuild", "run": "makeself"}


class Row:
    """What all runs of one tool say together."""

    def __init__(self, tool, lines):
        self.tool = tool
        self.runs = len(lines)
        self.wall = median(line["wall"] for line in lines)
        self.cpu = median(line["cpu"] for line in lines)
        self.rss = max(line["rss"] for line in lines)
        self.sizes = lines[-1]["sizes"]
        self.size = sum(self.sizes.values())
        self.first = lines[0]


class Scenario:
    def __init__(self, path, peers_from=None):
        self.machine, *self.lines = self.read(path)
        if peers_from and not any(line["tool"] in PEERS for line in self.lines):
            self.lines += [line for line in self.read(peers_from)[1:] if line["tool"] in PEERS]

    @staticmethod
    def read(path):
        with open(path) as file:
            return [json.loads(line) for line in file]

    def row(self, tool, **fields):
        """The median row of a tool, or None; `fields` narrow its lines down."""
        lines = [line for line in self.lines if line["tool"] == tool and all(line.get(key) == value for key, value in fields.items())]
        return Row(tool, lines) if lines else None

    def peers(self):
        """The three peers one after the other: sums round by round, and then the median of the rounds."""
        rounds = {}
        for line in self.lines:
            if line["tool"] in PEERS:
                rounds.setdefault(line["run"], []).append(line)
        sums = []
        for lines in rounds.values():
            sizes = {suffix: size for line in lines for suffix, size in line["sizes"].items()}
            total = {key: sum(line[key] for line in lines) for key in ("wall", "cpu")}
            sums.append(total | {"rss": max(line["rss"] for line in lines), "sizes": sizes})
        return Row("the three peers", sums)

    def growth(self, kind):
        """The rows of a growing payload, smallest first."""
        points = sorted({(line["bytes"], line["files"]) for line in self.lines if line.get("kind") == kind})
        return [self.row("linkpack", kind=kind, bytes=size, files=files) for size, files in points]


def spread(values):
    """How far the largest lies above the smallest, in percent."""
    return (max(values) / min(values) - 1) * 100


def percent(value, reference):
    return (value / reference - 1) * 100
