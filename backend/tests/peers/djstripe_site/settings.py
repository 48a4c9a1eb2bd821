"""The settings of a Django site with dj-stripe and nothing else.

Environment variables name the site's database and the address of Stripe.
"""

import os

SECRET_KEY = "a site that lives as long as one test"
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "djstripe"]
ROOT_URLCONF = "urls"
USE_TZ = True
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": os.environ["DB_HOST"],
        "PORT": os.environ["DB_PORT"],
        "USER": os.environ["DB_USER"],
        "PASSWORD": os.environ["DB_PASSWORD"],
        "NAME": os.environ["DB_NAME"],
    }
}
MIGRATION_MODULES = dict.fromkeys(
    ("auth", "contenttypes", "djstripe")
)  # creating tables from the models, without migrations, is ten times as fast
STRIPE_API_HOST = os.environ["STRIPE_API_BASE"]
STRIPE_TEST_SECRET_KEY = os.environ["STRIPE_SECRET_KEY"]
STRIPE_LIVE_MODE = False
DJSTRIPE_FOREIGN_KEY_TO_FIELD = "id"
