"""The statements of `docs/payments-offline.md` that a test can check are true."""

import re

from simulator.billing import cards
from simulator.pages.entry import OFFERED
from simulator.settings import ROOT
from tests.simulator.conftest import NOW
from tests.support import patient

PAGE = (ROOT / "backend" / "docs" / "payments-offline.md").read_text("utf-8")


def test_its_cards_are_those_that_the_pages_offer():
    written = [re.sub(r"\s", "", number) for number in re.findall(r"\b\d{4}(?: \d{4}){3}\b", PAGE)]
    assert written == [card.number for card in OFFERED]
    for number in written:
        card = cards.by_number(number)
        assert card is not None
        assert card.names, "one that Stripe lists"


def test_its_commands_do_what_it_says(simulator):
    (moved,) = re.findall(r"^\$ curl localhost:8001(\S+) .* -d '(.*)'$", PAGE, re.MULTILINE)
    (planned,) = re.findall(r'`(\{"next": .*\})`', PAGE)
    headers = {"Content-Type": "application/json"}
    state = patient.post(f"{simulator.url}{moved[0]}", content=moved[1], headers=headers).json()
    assert state["now"] == NOW + 2_678_400
    state = patient.post(
        f"{simulator.url}/_simulator/api/chaos", content=planned, headers=headers
    ).json()
    assert state["chaos"]["next"][0]["fault"] == "lost"
