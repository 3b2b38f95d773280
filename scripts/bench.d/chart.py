"""The chart: small panels at fixed places, so that one scenario can be drawn again without the others."""

from html import escape

from figures import PEERS

WIDTH, HEIGHT, MARGIN = 400, 170, 16
# Left edge of the bars, and their greatest length.
LEFT, LONG = 120, 200
OURS, THEIRS = "#1f6feb", "#9aa4af"
# Column and row of each panel.
PLACES = {"gzip": (0, 0), "xz": (1, 0), "rebuild": (0, 1), "sites": (1, 1), "mb": (0, 2), "files": (1, 2), "trees": (0, 3), "endpoint": (1, 3)}


def panels(name, scenario):
    """A scenario's panels as SVG, a line each element."""
    if name == "growth":
        return line_panel("mb", "Growth: ms per MB, 100 MB to 10 GB", points(scenario, "mb")) + line_panel(
            "files", "Growth: ms per file, 1,000 to 100,000 files", points(scenario, "files")
        )
    if name == "trees":
        bars = [(f"{tool}, {kind}", scenario.row(tool, kind=kind, codec="xz")) for kind in ("go", "dlls") for tool in ("linkpack", "dpkg-deb")]
        return bar_panel(name, "DEB of small files, of alike DLLs: MB at xz", [(label, row.size / 1e6) for label, row in bars])
    if name == "endpoint":
        bars = [(f"{tool}, {codec}", scenario.row(tool, codec=codec)) for codec in ("gzip", "xz") for tool in ("extract", "tar")]
        return bar_panel(name, ".run --extract against tar + sha256sum: s", [(label, row.wall) for label, row in bars])
    title, tools = {
        "gzip": ("DEB + RPM + .run at gzip: s", ("linkpack", *PEERS)),
        "xz": ("DEB + RPM + .run at xz: s", ("linkpack", *PEERS)),
        "rebuild": ("Rebuild at xz, one file changed: s", ("linkpack", *PEERS)),
        "sites": ("Packages of many sites: s", ("linkpack", "cp", "cp-and-sync")),
    }[name]
    return bar_panel(name, title, [(tool, scenario.row(tool).wall) for tool in tools])


def points(scenario, kind):
    rows = scenario.growth(kind)
    return [(row.first["files"], row.wall * 1e3 / row.first["files"]) if kind == "files" else (row.first["bytes"] / 1e6, row.wall * 1e9 / row.first["bytes"]) for row in rows]


def bar_panel(name, title, bars):
    most = max(value for _, value in bars)
    body = ""
    for index, (label, value) in enumerate(bars):
        y = 34 + index * 30
        ours = label.startswith(("linkpack", "extract"))
        length = max(1, value / most * LONG)
        body += f'<text x="{LEFT - 6}" y="{y + 15}" text-anchor="end">{escape(label)}</text>\n'
        body += f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="20" fill="{OURS if ours else THEIRS}"/>\n'
        body += f'<text x="{LEFT + length + 6:.1f}" y="{y + 15}">{value:,.{digits(value)}f}</text>\n'
    return group(name, title, body)


def line_panel(name, title, data):
    """Sizes are evenly spaced: they grow by about the same factor. The scale begins at 0."""
    most = max(rate for _, rate in data) * 1.25
    place = lambda index, rate: (40 + index * 310 / max(1, len(data) - 1), 140 - rate / most * 105)
    line = " ".join("{:.1f},{:.1f}".format(*place(index, rate)) for index, (_, rate) in enumerate(data))
    body = f'<path d="M24 140H372" stroke="{THEIRS}"/>\n<polyline points="{line}" fill="none" stroke="{OURS}" stroke-width="2"/>\n'
    for index, (amount, rate) in enumerate(data):
        x, y = place(index, rate)
        body += f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{OURS}"/>\n<text x="{x:.1f}" y="{y - 8:.1f}" text-anchor="middle">{rate:.3g}</text>\n'
        body += f'<text x="{x:.1f}" y="156" text-anchor="middle">{amount:,.0f}</text>\n'
    return group(name, title, body)


def digits(value):
    return 0 if value >= 100 else 1 if value >= 10 else 2


def group(name, title, body):
    column, row = PLACES[name]
    place = f"translate({MARGIN + column * WIDTH},{MARGIN + row * HEIGHT})"
    return f'<g transform="{place}">\n<text y="18" font-weight="bold">{escape(title)}</text>\n{body}</g>\n'


def picture(panels):
    width, height = 2 * WIDTH + MARGIN, 4 * HEIGHT + MARGIN
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12" fill="#24292f">\n'
    return head + f'<rect width="{width}" height="{height}" fill="#ffffff"/>\n{panels}</svg>\n'
