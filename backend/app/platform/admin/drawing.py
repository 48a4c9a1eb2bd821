"""Draws plots as SVG, without a script, a style attribute or a library."""

from collections.abc import Sequence

from markupsafe import Markup, escape

from .views import Chart, Figure, Series

WIDTH, HEIGHT, BOTTOM, LEFT = 480.0, 150.0, 20.0, 44.0
LABELS = 6  # the most labels on the horizontal axis
TICKS = 2


def draw(chart: Chart, figure: Figure) -> Markup:
    """Return the plot of a figure. Its data is also a table, for screen readers."""
    series = [one for one in figure.series if one.points]
    if not series:
        return Markup('<p class="text-secondary">There is nothing to show yet.</p>')
    if chart.kind == "ranks":
        return _ranks(series[0])
    top = _rounded_up(max(value for one in series for _, value in one.points))
    marks = _bars(series[0], top) if chart.kind == "bars" else _lines(series, top)
    labels = _labels([label for label, _ in series[0].points], centred=chart.kind == "bars")
    parts = (_grid(top), marks, labels)
    title = f"{chart.title}: {figure.number}"
    return Markup(
        '<svg class="plot" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>{}'
    ).format(int(WIDTH), int(HEIGHT), title, Markup("").join(parts), _legend(series))


def _rounded_up(value: float) -> float:
    """Return the top of the axis: 1, 2 or 5 times a power of ten."""
    power = 1.0
    while power * 10 <= value:
        power *= 10
    return next((power * step for step in (1, 2, 5) if power * step >= value), power * 10)


def _x(number: int, count: int) -> float:
    return LEFT + (WIDTH - LEFT - 8) * (number / max(count - 1, 1))


def _y(value: float, top: float) -> float:
    return 8 + (HEIGHT - BOTTOM - 8) * (1 - value / top)


def _grid(top: float) -> Markup:
    lines = Markup("")
    for step in range(TICKS + 1):
        value = top * step / TICKS
        y = _y(value, top)
        lines += Markup(
            '<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>'
            '<text class="tick" x="{}" y="{:.1f}" text-anchor="end">{}</text>'
        ).format(LEFT, WIDTH - 8, y, y, LEFT - 6, y + 3.5, _short(value))
    return lines


def _short(value: float) -> str:
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def _lines(series: Sequence[Series], top: float) -> Markup:
    drawn = Markup("")
    for number, one in enumerate(series):
        at = [
            f"{_x(i, len(one.points)):.1f},{_y(value, top):.1f}"
            for i, (_, value) in enumerate(one.points)
        ]
        if number == 0 and len(series) == 1:
            floor = _y(0, top)
            area = f"{LEFT:.1f},{floor:.1f} {' '.join(at)} {_x(1, 2):.1f},{floor:.1f}"
            drawn += Markup('<polygon class="area" points="{}"/>').format(area)
        drawn += Markup('<polyline class="line series-{}" points="{}"/>').format(
            number + 1, " ".join(at)
        )
    return drawn


def _bars(series: Series, top: float) -> Markup:
    count = len(series.points)
    wide = (WIDTH - LEFT - 8) / count
    drawn = Markup("")
    for number, (label, value) in enumerate(series.points):
        y = _y(value, top)
        drawn += Markup(
            '<rect class="bar" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}">'
            "<title>{}: {}</title></rect>"
        ).format(
            LEFT + number * wide + wide * 0.15,
            y,
            wide * 0.7,
            max(_y(0, top) - y, 0),
            label,
            f"{value:g}",
        )
    return drawn


def _labels(labels: Sequence[str], *, centred: bool) -> Markup:
    """Return the labels below the plot, under their bars or their points."""
    every = max(1, -(-len(labels) // LABELS))
    wide = (WIDTH - LEFT - 8) / len(labels)
    drawn = Markup("")
    for number in range(0, len(labels), every):
        x = LEFT + (number + 0.5) * wide if centred else _x(number, len(labels))
        drawn += Markup(
            '<text class="tick" x="{:.1f}" y="{}" text-anchor="middle">{}</text>'
        ).format(x, HEIGHT - 4, labels[number])
    return drawn


def _ranks(series: Series) -> Markup:
    """Return a table with a bar for each value, for long labels."""
    top = max(value for _, value in series.points) or 1
    rows = Markup("").join(
        Markup(
            '<tr><th scope="row">{}</th><td>{}</td><td>'
            '<svg viewBox="0 0 100 8" aria-hidden="true"><rect class="bar" width="{:.1f}" '
            'height="8"/></svg></td></tr>'
        ).format(label, f"{value:g}", 100 * value / top)
        for label, value in series.points
    )
    return Markup('<table class="ranks"><caption>{}</caption>{}</table>').format(series.title, rows)


def _legend(series: Sequence[Series]) -> Markup:
    if len(series) == 1:
        return Markup("")
    items = Markup("").join(
        Markup('<li class="series-{}">{}</li>').format(number + 1, escape(one.title))
        for number, one in enumerate(series)
    )
    return Markup('<ul class="legend">{}</ul>').format(items)
