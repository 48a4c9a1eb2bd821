"""The version of Stripe's API that we use."""

# This code was written for this version. A change of the version must be tested like
# any other change of the code.
API_VERSION = "2026-10-28.endive"
