"""Settings that production accepts, and production's message if one of them is
changed.
"""

import pytest
from pydantic import ValidationError

from app.core.config import Settings, get_settings

SAFE = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": "pF3v9sKq-Zt7Lw2xRb6YhM8nCd4JgA5e",
    "DATABASE_URL": "postgresql://liftoff:Vx9-correct-horse@db.internal/liftoff",
    "PUBLIC_URL": "https://api.example.com",
    "FRONTEND_URL": "https://app.example.com",
    "ALLOWED_HOSTS": "api.example.com",
    "CORS_ORIGINS": "https://app.example.com",
    "TRUSTED_PROXIES": "10.0.0.0/24",
    "SMTP_HOST": "smtp.example.com",
    "MAIL_FROM": "hello@example.com",
    "STRIPE_SECRET_KEY": "sk_live_51NotARealKeyButLongEnough",
    "STRIPE_WEBHOOK_SECRET": "whsec_notARealSecretButLongEnough",
}
VARIABLES = {name.upper() for name in Settings.model_fields}


def complaint(environment, **variables):
    """Return the message with which production refuses the safe settings after this
    change.
    """
    with pytest.raises(ValidationError) as refusal:
        environment(**(SAFE | variables))
    assert "input_value" not in str(refusal.value)
    with pytest.raises(SystemExit) as end:
        get_settings.__wrapped__()
    return str(end.value.code)
