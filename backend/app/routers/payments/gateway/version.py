"""The version of Stripe's API that we use."""

# This code was written for this version. Changing it is a change to be tested.
API_VERSION = "2026-10-28.endive"
