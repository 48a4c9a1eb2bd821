"""Refusals that several journeys of auth share."""

from app.core.errors import Conflict, Forbidden


class UsernameTaken(Conflict):
    """Another account has the username. Usernames are public, so the client may be
    told.
    """

    code = "username_taken"
    detail = "That username is taken. Choose another."


class EmailNotVerified(Forbidden):
    code = "email_not_verified"
    detail = "Your email address is not verified. Open the link in the email that we sent you."


class AccountDisabled(Forbidden):
    code = "account_disabled"
    detail = "This account is disabled. Contact our support."


class SuperuserOnly(Forbidden):
    code = "superuser_only"
    detail = "Only a superuser may do this."
