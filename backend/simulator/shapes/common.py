"""Parts that several kinds of objects have."""

from typing import Any

Object = dict[str, Any]

ACCOUNT_NAME = "Test business (simulator)"
NO_AUTOMATIC_TAX: Object = {"disabled_reason": None, "enabled": False, "liability": None}
SELF: Object = {"type": "self"}
NO_ADDRESS: Object = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))


def embedded_list(data: list[Object], url: str) -> Object:
    """Return a list that is part of an object, with all its entries.

    The module `objects` decides how much of the list is shown.
    """
    return {"object": "list", "data": data, "has_more": False, "url": url}
