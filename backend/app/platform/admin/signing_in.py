"""The pages on which staff sign in, confirm their identity, and sign out."""

from starlette.responses import Response

from .calls import BASE, Call, own_path, redirect, set_pass
from .staff import CodeNeeded


def show_sign_in(call: Call) -> Response:
    return call.render("sign_in.html", next=own_path(call.query.get("next", "")), error="")


def sign_in(call: Call) -> Response:
    """Check a name and a password, and ask for a code if the account has a second
    factor.
    """
    leads_to, gate = own_path(call.form.get("next", "")), call.known.gate
    call.again = "sign_in.html", {"next": leads_to}
    name, password = call.form.get("username", "")[:320], call.form.get("password", "")
    try:
        given = gate.sign_in(call.db, name, password, call.visitor)
    except CodeNeeded as needed:
        return call.render("code.html", next=leads_to, challenge=needed.challenge, error="")
    return _signed_in(call, given, leads_to)


def answer(call: Call) -> Response:
    """Check the code of a second factor."""
    gate = call.known.gate
    challenge, code = call.form.get("challenge", "")[:200], call.form.get("code", "")[:64]
    leads_to = own_path(call.form.get("next", ""))
    call.again = "code.html", {"next": leads_to, "challenge": challenge}
    return _signed_in(call, gate.answer(call.db, challenge, code, call.visitor), leads_to)


def show_confirmation(call: Call) -> Response:
    return call.render("confirm.html", next=own_path(call.query.get("next", "")))


def confirm(call: Call) -> Response:
    """Check the proofs of this member of staff again, which makes the pass fresh."""
    password, code = call.form.get("password", ""), call.form.get("code", "")[:64]
    leads_to = own_path(call.form.get("next", ""))
    call.again = "confirm.html", {"next": leads_to}
    given = call.known.gate.confirm(call.db, call.given_pass, password, code, call.visitor)
    return _signed_in(call, given, leads_to)


def sign_out(call: Call) -> Response:
    call.known.gate.sign_out(call.db, call.given_pass)
    return set_pass(redirect(f"{BASE}/login"), "", 0)


def _signed_in(call: Call, given: str, leads_to: str) -> Response:
    return set_pass(redirect(leads_to), given, call.known.gate.seconds)
