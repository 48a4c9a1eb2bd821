"""Register a webhook endpoint at Stripe, as dj-stripe's admin does.

The argument is the site's address.
"""

import sys
from uuid import uuid4

import django

django.setup()

from djstripe.models import WebhookEndpoint  # noqa: E402 - after the setup

identity = str(uuid4())
registered = WebhookEndpoint._api_create(  # noqa: SLF001 - the call of its admin form
    url=f"{sys.argv[1]}/stripe/webhook/{identity}/",
    enabled_events=["*"],
    metadata={"djstripe_uuid": identity},
)
WebhookEndpoint.sync_from_stripe_data(registered)
