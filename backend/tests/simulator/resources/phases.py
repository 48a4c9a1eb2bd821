"""Phases of a subscription schedule."""


def phases_of(schedule, price, **more):
    """Return the current phase unchanged, followed by a phase at this price."""
    now = schedule.phases[0]
    kept = {
        "items": [{"price": item.price, "quantity": item.quantity} for item in now["items"]],
        "discounts": [{"discount": one.discount} for one in now.discounts],
        "start_date": now.start_date,
        "end_date": now.end_date,
    }
    return [kept, {"items": [{"price": price}], **more}]
