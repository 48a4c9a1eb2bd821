"""Errors that several modules of auth raise."""

from app.core.errors import Conflict, Forbidden


class UsernameTaken(Conflict):
    """Another account has the username.

    Usernames are public, so the response may say so.
    """

    code = "username_taken"
    detail = "That username is taken. Choose another."


class EmailNotVerified(Forbidden):
    code = "email_not_verified"
    detail = "Your email address is not verified. Open the link in the email that we sent you."


class AccountDisabled(Forbidden):
    code = "account_disabled"
    detail = "This account is disabled. Contact support."


class NotWhileImpersonating(Forbidden):
    code = "not_while_impersonating"
    detail = "Staff who act as a user may not do this. Only the user may."


class SuperuserOnly(Forbidden):
    code = "superuser_only"
    detail = "Only a superuser may do this."
