"""The Stripe API version that we use."""

# The code is written for this version. Test a new version like any other code change.
API_VERSION = "2026-10-28.endive"
