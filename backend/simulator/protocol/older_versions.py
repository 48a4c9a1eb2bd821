"""Parameters in the form that they had in older versions of Stripe's API.

The simulator reads the parameters of one version. Programs that were written for an
older version send some of them in another form. A request that names no version is
read in both forms.
"""

from typing import Any

from stripe import api_version

from simulator.protocol.forms import Raw
from simulator.protocol.schema import fields, shape

# The value of this parameter used to be a word, such as `now`. Now the value is an
# object whose `type` is the word.
WORD_BEFORE = "billing_cycle_anchor"


def modernize(takes: Any, form: dict[str, Raw], version: str | None) -> dict[str, Raw]:
    """Return the form as a client of the simulator's API version would have sent it."""
    return form if version == api_version else _modern(takes, form)


def _modern(takes: Any, form: dict[str, Raw]) -> dict[str, Raw]:
    known = fields(takes) if takes else {}
    modern = dict(form)
    for name, raw in form.items():
        inner = shape(known[name]).hash if name in known else None
        if inner and isinstance(raw, dict):
            modern[name] = _modern(inner, raw)
        elif inner and raw and name == WORD_BEFORE:
            modern[name] = {"type": raw}
    return modern
