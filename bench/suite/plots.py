"""Bar charts as SVG: one a workload, the first figure of each server, with the spread of its repeats."""

import math
from xml.sax.saxutils import escape

from .report import shown

WIDTH, LEFT, RIGHT, BAR, GAP, TOP = 760, 300, 90, 18, 8, 46
STYLE = ("text{font:13px system-ui,sans-serif;fill:#222}.title{font-weight:600}.note{fill:#666;font-size:11px}"
         "@media(prefers-color-scheme:dark){text{fill:#ddd}.note{fill:#999}}")
COLOURS = {"indaba": "#0b7285", "limit": "#868e96", "peer": "#ced4da"}


def _colour(server):
    return COLOURS["limit" if server.startswith("limit") else server if server in COLOURS else "peer"]


class Scale:
    """Linear where it shows everything, by decades where the largest is more than 20 times the smallest."""

    def __init__(self, values):
        self.low, self.high = min(values), max(values)
        self.by_decades = self.low > 0 and self.high / self.low > 20
        self.floor = 10 ** math.floor(math.log10(self.low)) if self.by_decades else 0.0

    def __call__(self, value):
        room = WIDTH - LEFT - RIGHT
        if self.by_decades:
            value = max(value, self.floor)
            return room * math.log10(value / self.floor) / math.log10(self.high / self.floor) if self.high > self.floor else room
        return room * value / self.high if self.high else 0.0


def draw(results, workload, titles):
    """The SVG, or nothing where there is nothing to compare."""
    figure = workload.figures[0]
    medians = {server: results.median(workload.name, server, figure.key) for server in results.servers(workload)}
    medians = {server: value for server, value in medians.items() if value is not None}
    if len(medians) < 2:
        return None
    scale = Scale(list(medians.values()))
    height = TOP + len(medians) * (BAR + GAP) + 8
    unit = f", {figure.unit}" if figure.unit else ""
    note = (f"{figure.title}{unit}; {'more' if workload.more_is_better else 'less'} is better"
            + ("; the scale goes by decades" if scale.by_decades else ""))
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img" '
             f'aria-label="{escape(workload.title, {chr(34): "&quot;"})}"><style>{STYLE}</style>',
             f'<text class="title" x="8" y="18">{escape(workload.title)}</text>', f'<text class="note" x="8" y="36">{escape(note)}</text>']
    for row, (server, value) in enumerate(sorted(medians.items(), key=lambda item: item[1], reverse=workload.more_is_better)):
        y = TOP + row * (BAR + GAP)
        low, high = (scale(bound) for bound in results.spread(workload.name, server, figure.key))
        parts.append(f'<text x="{LEFT - 8}" y="{y + 13}" text-anchor="end">{escape(titles[server])}</text>')
        parts.append(f'<rect x="{LEFT}" y="{y}" width="{max(1.0, scale(value)):.1f}" height="{BAR}" fill="{_colour(server)}"/>')
        parts.append(f'<line x1="{LEFT + low:.1f}" x2="{LEFT + min(high, WIDTH - LEFT):.1f}" y1="{y + BAR / 2}" y2="{y + BAR / 2}" '
                     'stroke="#495057" stroke-width="1.5"/>')
        parts.append(f'<text x="{LEFT + max(scale(value), high) + 6:.1f}" y="{y + 13}">{shown(figure, value)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def write_all(results, titles, folder):
    """Returns which workloads have a plot."""
    folder.mkdir(exist_ok=True)
    drawn = {}
    for workload in results.workloads():
        if svg := draw(results, workload, titles):
            (folder / f"{workload.name}.svg").write_text(svg)
            drawn[workload.name] = True
    return drawn
