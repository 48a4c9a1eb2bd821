"""Checks of accounts, for `make doctor`."""

from app.core.config import get_settings
from app.platform.doctor import Finding, check, failure, ok, warning

from .google.gateway.provider import GoogleFailed, GoogleUnavailable


@check("google")
def google() -> Finding | None:
    """Check that the sign-in provider publishes its configuration."""
    settings = get_settings()
    if settings.google_client_id is None:
        return None
    from .google.gateway import openid  # this imports an HTTP client, which is slow

    try:
        openid.provider_configuration()
    except (GoogleUnavailable, GoogleFailed) as error:
        # Developers work offline, and sign in with a password.
        return (failure if settings.is_deployed else warning)(
            f"The configuration of {settings.google_issuer} cannot be read: {error}",
            "Check GOOGLE_ISSUER and the network. Until then, nobody can sign in with Google.",
        )
    return ok(f"{settings.google_issuer} publishes its configuration.")
