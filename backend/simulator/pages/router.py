"""The pages for people: Checkout, billing portal, invoices and control page."""

from pathlib import Path

from fastapi import APIRouter, Response

from simulator.pages import (
    authentication,
    checkout,
    control,
    invoices,
    objects,
    portal,
    portal_cards,
    portal_change,
    portal_flow,
    receipts,
)

STYLE = Path(__file__).parent / "static" / "simulator.css"

router = APIRouter()


@router.get("/_simulator/style.css")
async def style() -> Response:
    return Response(
        STYLE.read_bytes(), media_type="text/css", headers={"Cache-Control": "no-cache"}
    )


PARTS = (
    authentication,
    checkout,
    control,
    invoices,
    objects,
    portal,
    portal_cards,
    portal_change,
    portal_flow,
    receipts,
)

for part in PARTS:
    router.include_router(part.router)
