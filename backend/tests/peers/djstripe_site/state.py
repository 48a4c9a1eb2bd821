"""Print what dj-stripe has stored, as JSON: each model's rows by id, and the received
webhooks.
"""

import json

import django

django.setup()

from django.apps import apps  # noqa: E402 - after the setup
from djstripe.models import StripeModel, WebhookEventTrigger  # noqa: E402

models = [
    model
    for model in apps.get_app_config("djstripe").get_models()
    if issubclass(model, StripeModel) and model.stripe_class is not None
]
rows = {
    model.__name__: {row.id: row.stripe_data for row in model.objects.all()} for model in models
}
triggers = [
    {
        "valid": one.valid,
        "processed": one.processed,
        "exception": one.exception,
        "traceback": one.traceback,
    }
    for one in WebhookEventTrigger.objects.all()
]
print(json.dumps({"models": rows, "triggers": triggers}))  # noqa: T201 - for the test to read
