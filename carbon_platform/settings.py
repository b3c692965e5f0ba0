"""Every setting, from the environment. No default for a secret; `.env.example` names each one."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from carbon_platform.environment import read_environment
from carbon_platform.logging import configure as configure_logging

BASE_DIR = Path(__file__).resolve().parent.parent
env = read_environment(BASE_DIR)

ENVIRONMENT = env.str("ENVIRONMENT", "production")
DEBUG = env.bool("DEBUG", False)
SECRET_KEY = env.str("SECRET_KEY")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
PUBLIC_URL = env.str("PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/")
ALLOWED_HOSTS = env.list(
    "ALLOWED_HOSTS", default=[urlsplit(PUBLIC_URL).hostname or "127.0.0.1", "127.0.0.1", "localhost"]
)
TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", 0)
AUTH_ENABLED = env.bool("AUTH_ENABLED", True)

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django_prometheus",
    "rest_framework",
    "drf_spectacular",
    "apps.workspaces",
    "apps.emissions",
    "apps.telemetry",
    "apps.billing",
    "apps.receipts",
    "carbon_platform",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "carbon_platform.urls"
WSGI_APPLICATION = "carbon_platform.wsgi.application"
APPEND_SLASH = False

DATABASES: dict[str, Any] = {"default": env.db_url("DATABASE_URL")}
DATABASES["default"] |= {
    "CONN_MAX_AGE": 0,  # the pool keeps connections
    "OPTIONS": {"pool": {"min_size": 1, "max_size": 8, "timeout": 5}, "connect_timeout": 3},
}
REDIS_URL = env.str("REDIS_URL").rstrip("/")
CELERY_BROKER_URL = f"{REDIS_URL}/0"
THROTTLE_REDIS_URL = f"{REDIS_URL}/1"
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": f"{REDIS_URL}/2",
        "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1},
    }
}

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
ARTIFACTS_BUCKET = env.str("ARTIFACTS_BUCKET", "")
ARTIFACTS_ENDPOINT_URL = env.str("ARTIFACTS_ENDPOINT_URL", "")
ARTIFACTS_FOLDER = Path(env.str("ARTIFACTS_FOLDER", str(BASE_DIR / "media")))
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
    "artifacts": {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": ARTIFACTS_BUCKET,
            "endpoint_url": ARTIFACTS_ENDPOINT_URL or None,
            "signature_version": "s3v4",
            "file_overwrite": False,
            "default_acl": None,
        },
    }
    if ARTIFACTS_BUCKET
    else {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": ARTIFACTS_FOLDER, "base_url": None},
    },
}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/dashboard/"
LOGOUT_REDIRECT_URL = "/"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

SECRET_KEYRING = env.str("SECRET_KEYRING")
RECEIPT_SIGNING_KEYS = env.str("RECEIPT_SIGNING_KEYS", "")
LOG_SIGNING_KEY = env.str("LOG_SIGNING_KEY", "")
LOG_ORIGIN = env.str("LOG_ORIGIN", f"{urlsplit(PUBLIC_URL).netloc}/log")
ISSUER_NAME = env.str("ISSUER_NAME", "Carbon Platform")
ISSUER_URL = env.str("ISSUER_URL", PUBLIC_URL)
ADMIN_EMAIL = env.str("ADMIN_EMAIL", "")
ADMIN_PASSWORD = env.str("ADMIN_PASSWORD", "")

OPENAI_BASE_URL = env.str("OPENAI_BASE_URL", "https://api.openai.com/v1")
ANTHROPIC_BASE_URL = env.str("ANTHROPIC_BASE_URL", "https://api.anthropic.com")
OPENROUTER_BASE_URL = env.str("OPENROUTER_BASE_URL", "https://openrouter.ai/api/v1")
SIMULATED_PROVIDERS = env.bool("SIMULATED_PROVIDERS", False)
REGISTRY_URL = env.str("REGISTRY_URL", "")
STRIPE_API_KEY = env.str("STRIPE_API_KEY", "")
STRIPE_API_BASE = env.str("STRIPE_API_BASE", "https://api.stripe.com")
STRIPE_WEBHOOK_SECRET = env.str("STRIPE_WEBHOOK_SECRET", "")

LOG_FORMAT = env.str("LOG_FORMAT", "json")
LOGGING_CONFIG = None
configure_logging(LOG_FORMAT)
