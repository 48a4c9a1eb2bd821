"""The PDF of an invoice."""

import textwrap

from simulator.objects import Object
from simulator.pages import invoice_view as view
from simulator.pages.pdf import MARGIN, Document

LINE_WIDTH = 76  # characters at font size 10; the rest of the line has room for an amount
SECOND_COLUMN = 300


def invoice_pdf(invoice: Object) -> bytes:
    number = invoice["number"] or invoice["id"]
    document = Document()
    document.line((MARGIN, "Invoice"), size=22, bold=True, right=view.state(invoice)[0])
    document.space(6)
    document.line((MARGIN, f"Number {number}"))
    document.line((MARGIN, view.about(invoice)))
    document.space(14)
    document.line((MARGIN, "From"), (SECOND_COLUMN, "To"), bold=True)
    for index, line in enumerate(view.buyer(invoice)):
        document.line((MARGIN, "" if index else view.SELLER), (SECOND_COLUMN, line))
    document.space(14)
    document.line((MARGIN, view.headline(invoice)), size=16, bold=True)
    document.space(10)
    document.line((MARGIN, "Description"), bold=True, right="Amount")
    document.rule()
    for row in view.lines(invoice):
        first, *rest = textwrap.wrap(row.name, LINE_WIDTH) or [""]
        document.line((MARGIN, first), right=row.amount)
        for text in rest:
            document.line((MARGIN, text))
        document.line((MARGIN, row.about), size=8)
        document.space(4)
    document.rule()
    for row in view.totals(invoice):
        document.line((SECOND_COLUMN, row.name), bold="total" in row.css, right=row.amount)
    document.space(20)
    document.line((MARGIN, "Made by a payment simulator. Test mode: no money moves."), size=8)
    return document.bytes(f"Invoice {number}")
