"""The product's settings, made quick and harmless for tests."""

import os
import tempfile

ONLY_FOR_TESTS = {
    "ENVIRONMENT": "local",
    "DEBUG": "false",
    "SECRET_KEY": "tests-only-" + "k" * 50,
    "SECRET_KEYRING": "kid1:" + "QUFB" * 10 + "QUE=",
    "RECEIPT_SIGNING_KEYS": "1:" + "QkJC" * 10 + "QkI=",
    "LOG_SIGNING_KEY": "Q0ND" * 10 + "Q0M=",
    "STRIPE_WEBHOOK_SECRET": "whsec_tests_only",
    "STRIPE_API_KEY": "sk_test_tests_only",
    "ADMIN_EMAIL": "admin@example.com",
    "ADMIN_PASSWORD": "tests-only-password",
    "PUBLIC_URL": "http://testserver",
    "ELECTRICITYMAPS_API_KEY": "",
    "UK_CARBON_INTENSITY_URL": "",
    "ARTIFACTS_FOLDER": tempfile.mkdtemp(prefix="carbon-tests-"),
}
os.environ["ENV_FILE"] = os.devnull  # a developer's own settings must not reach the tests
os.environ.update(ONLY_FOR_TESTS)
os.environ.setdefault("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none")  # mypy starts no server
os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:1")

from carbon_platform.settings import *  # noqa: E402, F403 - the product's settings, after the environment
from carbon_platform.settings import CACHES, REDIS_URL  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

# Each parallel worker has its own three of Redis' sixteen databases, and empties only those.
FIRST_REDIS_DATABASE = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 5 * 3
CELERY_BROKER_URL = f"{REDIS_URL}/{FIRST_REDIS_DATABASE}"
THROTTLE_REDIS_URL = f"{REDIS_URL}/{FIRST_REDIS_DATABASE + 1}"
CACHES["default"]["LOCATION"] = f"{REDIS_URL}/{FIRST_REDIS_DATABASE + 2}"
