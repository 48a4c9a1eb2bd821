"""The first page: the plots that features declare, drawn as SVG on the server."""

from starlette.responses import Response

from .calls import Call
from .drawing import draw


def show_dashboard(call: Call) -> Response:
    plots = [
        (chart, figure, draw(chart, figure))
        for chart in call.known.charts.values()
        for figure in [chart.read(call.db)]
    ]
    return call.render("dashboard.html", title="Overview", plots=plots)
