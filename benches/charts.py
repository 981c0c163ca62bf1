"""Small charts with logarithmic axes, as one SVG that is legible in light and dark."""

import math
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT, COLUMNS = 320, 240, 3
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 40, 40
HEADER = 44

STYLE = """
text { font: 11px system-ui, sans-serif; fill: #333; }
.title { font-size: 16px; font-weight: 600; }
.name { font-size: 12px; font-weight: 600; }
.grid { stroke: #ddd; }
.line { stroke: #0a66c2; stroke-width: 1.8; fill: none; }
.dot { fill: #0a66c2; }
.paper { fill: #fff; }
@media (prefers-color-scheme: dark) {
  text { fill: #ddd; }
  .grid { stroke: #444; }
  .line { stroke: #6cb6ff; }
  .dot { fill: #6cb6ff; }
  .paper { fill: #0d1117; }
}
"""


@dataclass
class Chart:
    name: str
    x_label: str
    # (x, y), all above zero.
    points: list
    # Of the horizontal axis: (x, text); else powers of ten.
    ticks: list | None = None


def short(number):
    """1,000 as 1k."""
    for factor, letter in [(1e6, "M"), (1e3, "k")]:
        if number >= factor:
            return f"{number / factor:g}{letter}"
    return f"{number:g}"


def steps(low, high, factors):
    """All factor × 10^n from just below `low` to just above `high`."""
    every = [
        factor * 10.0**power
        for power in range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
        for factor in factors
    ]
    first = max(step for step in every if step <= low * 1.0001)
    last = min(step for step in every if step >= high * 0.9999)
    return [step for step in every if first <= step <= last]


def draw(chart, left, top):
    xs, ys = zip(*chart.points)
    x_ticks = chart.ticks or [(x, short(x)) for x in steps(min(xs), max(xs), [1])]
    # As fine as there is room.
    choices = [steps(min(ys), max(ys), factors) for factors in ([1, 1.5, 2, 3, 5, 7], [1, 2, 5], [1])]
    y_ticks = next((ticks for ticks in choices if len(ticks) <= 8), choices[-1])
    if len(y_ticks) == 1:
        y_ticks = [y_ticks[0] / 2, y_ticks[0], y_ticks[0] * 2]
    x_low, x_high = min(xs[0], x_ticks[0][0]), max(xs[-1], x_ticks[-1][0])
    part = lambda value, low, high: math.log(value / low) / math.log(high / low) if high > low else 0.5
    right, bottom = left + WIDTH - RIGHT, top + HEIGHT - BOTTOM
    x_at = lambda x: left + LEFT + part(x, x_low, x_high) * (WIDTH - LEFT - RIGHT)
    y_at = lambda y: bottom - part(y, y_ticks[0], y_ticks[-1]) * (HEIGHT - TOP - BOTTOM)
    out = [f'<text class="name" x="{left + LEFT}" y="{top + 24}">{escape(chart.name)}</text>']
    for x, label in x_ticks:
        out.append(f'<path class="grid" d="M{x_at(x):.1f} {top + TOP}V{bottom}"/>')
        out.append(f'<text x="{x_at(x):.1f}" y="{bottom + 15}" text-anchor="middle">{escape(label)}</text>')
    for y in y_ticks:
        out.append(f'<path class="grid" d="M{left + LEFT} {y_at(y):.1f}H{right}"/>')
        out.append(f'<text x="{left + LEFT - 6}" y="{y_at(y) + 4:.1f}" text-anchor="end">{short(y)}</text>')
    middle = left + LEFT + (WIDTH - LEFT - RIGHT) / 2
    out.append(f'<text x="{middle}" y="{bottom + 31}" text-anchor="middle">{escape(chart.x_label)}</text>')
    places = [(x_at(x), y_at(y)) for x, y in chart.points]
    out.append(f'<path class="line" d="M{"L".join(f"{x:.1f} {y:.1f}" for x, y in places)}"/>')
    for (x, y), (x_value, y_value) in zip(places, chart.points):
        told = f"<title>{x_value:,}: {y_value:,.4g}</title>"
        out.append(f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3">{told}</circle>')
    return "\n".join(out)


def picture(title, subtitle, charts):
    """The whole SVG."""
    rows = math.ceil(len(charts) / COLUMNS)
    width, height = COLUMNS * WIDTH, HEADER + rows * HEIGHT
    drawn = [
        draw(chart, number % COLUMNS * WIDTH, HEADER + number // COLUMNS * HEIGHT)
        for number, chart in enumerate(charts)
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n"
        f'<rect class="paper" width="{width}" height="{height}"/>\n'
        f'<text class="title" x="16" y="24">{escape(title)}</text>\n'
        f'<text x="16" y="41">{escape(subtitle)}</text>\n' + "\n".join(drawn) + "\n</svg>\n"
    )
