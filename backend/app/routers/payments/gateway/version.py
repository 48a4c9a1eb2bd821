"""The version of Stripe's API that we use."""

# This code was written for this version. Test a new version like any other change of
# the code.
API_VERSION = "2026-10-28.endive"
