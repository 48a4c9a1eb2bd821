"""Sign-in with Google, or with another OpenID Connect provider."""
