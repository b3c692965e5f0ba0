"""The product's settings, made quick and harmless for tests."""

import os
import tempfile

os.environ.setdefault("ENVIRONMENT", "local")
os.environ.setdefault("SECRET_KEY", "tests-only-" + "k" * 50)
os.environ.setdefault("SECRET_KEYRING", "kid1:" + "QUFB" * 10 + "QUE=")
os.environ.setdefault("RECEIPT_SIGNING_KEYS", "1:" + "QkJC" * 10 + "QkI=")
os.environ.setdefault("LOG_SIGNING_KEY", "Q0ND" * 10 + "Q0M=")
os.environ.setdefault("STRIPE_WEBHOOK_SECRET", "whsec_tests_only")
os.environ.setdefault("STRIPE_API_KEY", "sk_test_tests_only")
os.environ.setdefault("PUBLIC_URL", "http://testserver")
os.environ.setdefault("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none")  # checks without a database
os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:1")
os.environ.setdefault("ARTIFACTS_FOLDER", tempfile.mkdtemp(prefix="carbon-tests-"))

from carbon_platform.settings import *  # noqa: E402, F403 - the product's settings, after the environment

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CELERY_TASK_ALWAYS_EAGER = False
