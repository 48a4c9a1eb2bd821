"""The control page, which offers the control API to people."""

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from simulator.billing.periods import Interval
from simulator.chaos import ChaosSettings
from simulator.control import FORGOTTEN, Box, box_of
from simulator.durations import DAY, HOUR
from simulator.objects import Object
from simulator.pages import objects
from simulator.pages.rendering import form_of, not_found, redirect_to, render_page
from simulator.pages.words import days, format_moment
from simulator.state.timers import MAIN_CLOCK

router = APIRouter(prefix="/_simulator")

SHOWN = 30
DONE = {
    "clock": "The clock has moved, and everything that was due has happened.",
    "chaos": "The faults are set.",
    "reset": "Everything is forgotten.",
    "resend": "The webhook is on its way again.",
}
SILENT = {"events.purge", "webhook.retry"}  # timers that the page does not show
COMING = {
    "charge.dispute": "a payment is disputed",
    "checkout.expire": "a checkout expires",
    "invoice.finalize": "an invoice is finalised",
    "invoice.retry": "a failed payment is tried again",
    "subscription.expire": "an incomplete subscription expires",
    "subscription.period": "a period or a trial ends",
    "subscription.trial_will_end": "a trial is about to end",
    "subscription.upcoming": "a renewal is announced",
}
TONES = {"succeeded": "good", "pending": "warn", "failed": "bad", "dropped": "bad"}
GROUPS = {"calls": "Calls of the API", "webhooks": "Webhooks"}
KNOBS = {
    "calls.error": "Answer 500",
    "calls.rate_limit": "Answer 429",
    "calls.lost": "Answer lost",
    "calls.slow": "Slow",
    "calls.slow_seconds": "Slow by seconds",
    "webhooks.duplicate": "Sent twice",
    "webhooks.reorder": "Out of order",
    "webhooks.drop": "Never sent",
    "webhooks.delay": "Late",
    "webhooks.delay_seconds": "Late by seconds",
}


@router.get("")
async def control_page(request: Request, done: str = "") -> Response:
    return _page(box_of(request), notice=DONE.get(done, ""))


@router.post("/clock")
async def move_clock(request: Request) -> Response:
    box, form = box_of(request), await form_of(request)
    now = box.store.clock.now()
    match form.get("by"):
        case "hour":
            to = now + HOUR
        case "day":
            to = now + DAY
        case "month":
            to = Interval("month").after(now, 1)
        case _:
            coming = _coming(box)
            to = coming["at"] if coming else now
    if not await box.timeline.advance(to):
        return _page(box, problem=FORGOTTEN)
    return redirect_to("/_simulator?done=clock")


@router.post("/chaos")
async def set_chaos(request: Request) -> Response:
    """Set the probabilities of faults, or switch all faults off.

    Faults that were planned through the API stay, unless all faults are switched off.
    """
    box, form = box_of(request), await form_of(request)
    if "off" in form:
        box.chaos.configure(ChaosSettings())
        return redirect_to("/_simulator?done=chaos")
    wanted: dict[str, Any] = {"seed": box.chaos.settings.seed, "next": box.chaos.settings.next}
    for name in KNOBS:
        group, field = name.split(".")
        if form.get(name):
            wanted.setdefault(group, {})[field] = form[name]
    try:
        box.chaos.configure(ChaosSettings.model_validate(wanted))
    except ValidationError as error:
        wrong = error.errors()[0]
        label = KNOBS.get(".".join(map(str, wrong["loc"])), "")
        return _page(box, problem=f"{label}: {wrong['msg']}")
    return redirect_to("/_simulator?done=chaos")


@router.post("/reset")
async def reset(request: Request) -> Response:
    await box_of(request).reset()
    return redirect_to("/_simulator?done=reset")


@router.post("/deliveries/{delivery}/resend")
async def resend(request: Request, delivery: str) -> Response:
    if not box_of(request).resend(delivery):
        return not_found()
    return redirect_to("/_simulator?done=resend")


def _page(box: Box, *, notice: str = "", problem: str = "") -> Response:
    store, coming = box.store, _coming(box)
    with store.work() as work:
        kinds = objects.counts(work)
        events = [
            _event(work.get("event", found)) for found in reversed(work.ids("event")[-SHOWN:])
        ]
        endpoints = len(work.ids("webhook_endpoint"))
    return render_page(
        "control",
        base_url=store.base_url,
        notice=notice,
        problem=problem,
        now=format_moment(store.clock.now()),
        offset=_offset(box),
        coming=f"{format_moment(coming['at'])}, {COMING.get(coming['name'], coming['name'])}"
        if coming
        else "",
        kinds=kinds,
        chaos_on=_is_on(box.chaos.settings),
        knobs=_knobs(box.chaos.settings),
        deliveries=[_delivery(found) for found in box.deliveries(SHOWN)],
        endpoints=endpoints,
        events=events,
    )


def _coming(box: Box) -> Object | None:
    """Return the next timer that the page shows, if any."""
    with box.store.work() as work:
        timers = [one for one in work.all("_timer", clock=MAIN_CLOCK) if one["name"] not in SILENT]
    return min(timers, key=lambda one: int(one["at"]), default=None)


def _offset(box: Box) -> str:
    clock = box.store.clock
    if clock.frozen is not None:
        return "It stands still until you move it"
    if not clock.offset:
        return "It shows the real time"
    return f"{days(clock.offset // DAY)} and {clock.offset % DAY // HOUR} h ahead of the real time"


def _knobs(settings: ChaosSettings) -> dict[str, list[dict[str, Any]]]:
    """Return the form's controls for faults, grouped by headings."""
    values = settings.model_dump()
    knobs: dict[str, list[dict[str, Any]]] = {title: [] for title in GROUPS.values()}
    for name, label in KNOBS.items():
        group, field = name.split(".")
        most = 600 if field.endswith("_seconds") else 1
        knob = {"name": name, "label": label, "value": f"{values[group][field]:g}", "most": most}
        knobs[GROUPS[group]].append(knob)
    return knobs


def _is_on(settings: ChaosSettings) -> bool:
    chances = settings.model_dump(include={"calls", "webhooks"})
    return bool(settings.next) or any(
        value
        for group in chances.values()
        for name, value in group.items()
        if not name.endswith("_seconds")
    )


def _event(event: Object) -> dict[str, str]:
    of = event["data"]["object"]
    return {
        "id": event["id"],
        "type": event["type"],
        "at": format_moment(event["created"]),
        "of": of.get("id", ""),
    }


def _delivery(delivery: Object) -> dict[str, Any]:
    last = delivery["attempts"][-1] if delivery["attempts"] else {}
    return {
        "id": delivery["id"],
        "event": delivery["event"],
        "type": delivery["type"],
        "url": delivery["url"] or "a deleted endpoint",
        "status": delivery["status"],
        "tone": TONES.get(delivery["status"], ""),
        "about": last.get("code") or last.get("error") or "",
        "attempts": len(delivery["attempts"]),
    }
