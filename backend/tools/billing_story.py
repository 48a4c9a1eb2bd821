"""The life of a subscription, in chapters.

Each chapter performs the actions of users and of Stripe, and checks the results. `make
demo-billing` plays the story against a running `make dev`. A test plays it with a
browser in Checkout.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from tools.billing_world import FAILING_CARD, GOOD_CARD, PASSWORD, World, wait_until
from tools.console import Problem

Pay = Callable[[str, str], str]
"""A function that pays on a Checkout page with a card.

It takes the URL of the page and the number of the card, and returns the URL that the
page redirects to.
"""


class Story:
    """The story of one customer.

    `tell` prints a line. `pay` pays in Checkout, by sending a form over HTTP or by
    driving a browser.
    """

    def __init__(
        self, world: World, name: str, *, tell: Callable[[str], None], pay: Pay | None = None
    ) -> None:
        self.world, self.name = world, name
        self.email = f"{name}@example.com"
        self._tell, self._pay = tell, pay or world.pay_in_checkout
        self._token = ""

    # Reading from the API

    def ask(self, method: str, path: str, status: int = 200, **json: Any) -> Any:
        return self.world.ask(method, path, status, self._token, **({"json": json} if json else {}))

    @property
    def subscription(self) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("GET", "/payments/subscription")
        return found

    def status(self) -> str | None:
        """Return Stripe's status, or `None` if there is no subscription."""
        answer = self.world.answer("GET", "/payments/subscription", self._token)
        return answer.json()["status"] if answer.is_success else None

    @property
    def invoices(self) -> list[dict[str, Any]]:
        """Return the invoices, newest first."""
        found: list[dict[str, Any]] = self.ask("GET", "/payments/invoices")["items"]
        return found

    @property
    def plan_in_force(self) -> str:
        return str(self.ask("GET", "/payments/entitlements")["plan"])

    # Chapters

    def sign_up(self) -> None:
        self._tell(f"{self.name} signs up as {self.email}, and gets a test clock of their own.")
        self.world.make_clock_for(self.email)
        account = {"username": self.name, "email": self.email, "password": PASSWORD}
        self.world.ask("POST", "/auth/register", 202, json=account)
        self._tell("A mail with a link arrives (see /dev/mailbox). Its token verifies the address.")
        self.world.ask(
            "POST",
            "/auth/verify-email",
            204,
            json={"token": self.world.token_mailed_to(self.email)},
        )
        form = {"username": self.email, "password": PASSWORD}
        self._token = self.world.ask("POST", "/auth/token", 200, data=form)["access_token"]
        self._tell(f"The sign-in works. The plan in force is {self.plan_in_force!r}.")

    def choose_pro(self) -> None:
        wait_until(self._pro_is_sold, "a worker to make the plans at Stripe")
        session = self.ask("POST", "/payments/checkout", 201, plan="pro")
        self._tell(f"They choose Pro. Checkout is at {session['url']}")
        back = self._pay(session["url"], GOOD_CARD)
        self._tell(f"The card {GOOD_CARD} is accepted. Checkout leads back to {back}")
        self._wait("trialing")
        self._tell(
            f"The webhook reports it: {self._described()}. The plan in force is "
            f"{self.plan_in_force!r}."
        )

    def end_the_trial(self) -> None:
        end = _moment(self.subscription["trial_end"])
        self.world.advance_to(end - timedelta(days=3) + timedelta(minutes=5))
        self._expect_mail("trial")
        self.world.advance_to(end + timedelta(hours=2))
        self._wait("active")
        self._expect_mail("receipt")
        self._tell(f"The trial is over: {self._described()}, and {self._newest_invoice()}.")

    def change_to_yearly(self) -> tuple[int, int]:
        """Change to yearly. Return the amounts of the preview and of the invoice."""
        preview = self.ask("POST", "/payments/subscription/preview", plan="pro-yearly")
        self._tell(
            "The preview of a change to yearly is "
            f"{_money(preview['amount_due'], preview['currency'])}:"
        )
        for line in preview["lines"]:
            self._tell(f"   {_money(line['amount'], line['currency']):>12}  {line['description']}")
        known = len(self.invoices)
        self.ask("POST", "/payments/subscription/change", plan="pro-yearly")
        wait_until(lambda: len(self.invoices) > known, "the invoice of the change")
        invoice = self.invoices[0]
        self._tell(f"The plan is changed: {self._described()}, and {self._newest_invoice()}.")
        if invoice["amount_due"] != preview["amount_due"]:
            raise Problem(
                f"The preview said {preview['amount_due']}, but the invoice says "
                f"{invoice['amount_due']}."
            )
        return preview["amount_due"], invoice["amount_due"]

    def fail_to_pay(self) -> None:
        self.world.save_card(self._portal(), FAILING_CARD)
        self._tell(
            f"In the portal they replace the card with {FAILING_CARD}, which fails when it is "
            "charged."
        )
        self.world.advance_to(_moment(self.subscription["current_period_end"]) + timedelta(hours=2))
        self._wait("past_due")
        self._expect_mail("payment")
        self._tell(f"A year later, {self._described()}, and {self._newest_invoice()}.")
        self._tell(f"During the grace period, the plan in force is still {self.plan_in_force!r}.")

    def pass_through_dunning(self) -> None:
        mails = len(self._mails("payment"))
        self.world.advance(days=8)
        wait_until(lambda: len(self._mails("payment")) > mails, "the mail about another failed try")
        wait_until(lambda: self.plan_in_force == "free", "the end of the grace period")
        self._tell(
            f"{len(self._mails('payment'))} mails say that the payment failed, and how many days "
            "are left."
        )
        self._tell(
            "Eight days and some tries later, the grace period is over. The plan in force is "
            f"{self.plan_in_force!r}."
        )

    def recover(self) -> None:
        self.world.save_card(self._portal(), GOOD_CARD)
        self.world.advance(days=7)
        self._wait("active")
        self._tell(
            f"They save a good card, and the next try succeeds: {self._described()}, and "
            f"{self._newest_invoice()}."
        )
        self._tell(f"The plan in force is {self.plan_in_force!r}.")

    def cancel(self) -> None:
        self.ask("POST", "/payments/subscription/cancel", at_period_end=True)
        if not self.subscription["cancel_at_period_end"]:
            raise Problem("The subscription does not end with its period.")
        self._tell(f"They cancel: {self._described()}.")

    def resume(self) -> None:
        self.ask("POST", "/payments/subscription/resume")
        if self.subscription["cancel_at_period_end"]:
            raise Problem("The subscription does not continue.")
        self._tell(f"They resume: {self._described()}.")

    def lapse(self) -> None:
        self.world.advance_to(_moment(self.subscription["current_period_end"]) + timedelta(hours=1))
        wait_until(lambda: self.status() is None, "the end of the subscription")
        self._tell(
            "The period is over, and so is the subscription. The plan in force is "
            f"{self.plan_in_force!r}."
        )

    # Helpers of the chapters

    def _pro_is_sold(self) -> bool:
        answer = self.world.answer("POST", "/payments/checkout", self._token, json={"plan": "pro"})
        return "plan_not_ready" not in answer.text

    def _portal(self) -> str:
        return str(self.ask("POST", "/payments/portal", 201)["url"])

    def _wait(self, status: str) -> None:
        wait_until(lambda: self.status() == status, f"the status {status}")

    def _mails(self, word: str) -> list[str]:
        subjects = [str(mail["subject"]) for mail in self.world.mails_to(self.email)]
        return [subject for subject in subjects if word in subject.lower()]

    def _expect_mail(self, word: str) -> None:
        wait_until(lambda: bool(self._mails(word)), f"a mail about {word}")
        self._tell(f"A mail arrives: {self._mails(word)[-1]!r}")

    def _described(self) -> str:
        one = self.subscription
        end = f"{_moment(one['current_period_end']):%d %B %Y}"
        return (
            f"{one['plan']['slug']} is {one['status']}, "
            f"{'ends' if one['cancel_at_period_end'] else 'until'} {end}"
        )

    def _newest_invoice(self) -> str:
        one = self.invoices[0]
        return (
            f"invoice {one['number']} of {_money(one['amount_due'], one['currency'])} is "
            f"{one['status']}"
        )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _money(amount: int, currency: str) -> str:
    return f"{amount / 100:.2f} {currency.upper()}"
