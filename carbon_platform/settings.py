"""Every setting, from the environment. No default for a secret; `.env.example` names each one."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from redis.backoff import NoBackoff
from redis.retry import Retry

from carbon_platform.environment import read_environment
from carbon_platform.logging import configure as configure_logging

BASE_DIR = Path(__file__).resolve().parent.parent
env = read_environment(BASE_DIR)

# --- where this runs ------------------------------------------------------------------------------
ENVIRONMENT = env.str("ENVIRONMENT", "production")
IS_PRODUCTION = ENVIRONMENT == "production"
DEBUG = env.bool("DEBUG", False)
SECRET_KEY = env.str("SECRET_KEY")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
PUBLIC_URL = env.str("PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/")
IS_HTTPS = PUBLIC_URL.startswith("https://")
_HOST = urlsplit(PUBLIC_URL).hostname or "127.0.0.1"
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[_HOST, "127.0.0.1", "localhost"])
TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", 0)
AUTH_ENABLED = env.bool("AUTH_ENABLED", True)

# --- what it is made of ---------------------------------------------------------------------------
INSTALLED_APPS = [
    "carbon_platform",
    "apps.workspaces",
    "apps.emissions",
    "apps.telemetry",
    "apps.billing",
    "apps.receipts",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_prometheus",
    "rest_framework",
    "drf_spectacular",
]
MIDDLEWARE = [
    "carbon_platform.middleware.RequestMiddleware",
    "carbon_platform.middleware.HeadersMiddleware",
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
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "libraries": {"quantities": "apps.common.template_quantities"},
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# --- what it keeps --------------------------------------------------------------------------------
# Threads of the web process share a pool; a command or a worker holds one connection.
DATABASE_POOL = env.bool("DATABASE_POOL", False)
_POOL = {"min_size": 0, "max_size": 8, "timeout": 5}
DATABASES: dict[str, Any] = {"default": env.db_url("DATABASE_URL")}
DATABASES["default"] |= {
    "CONN_MAX_AGE": 0 if DATABASE_POOL else 60,
    "CONN_HEALTH_CHECKS": True,
    "OPTIONS": {"connect_timeout": 3} | ({"pool": _POOL} if DATABASE_POOL else {}),
}
REDIS_URL = env.str("REDIS_URL").rstrip("/")
THROTTLE_REDIS_URL = f"{REDIS_URL}/1"
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": f"{REDIS_URL}/2",
        "OPTIONS": {
            "socket_timeout": 1,
            "socket_connect_timeout": 1,
            "retry": Retry(NoBackoff(), 0),  # redis-py waits for seconds by default
        },
    }
}
ARTIFACTS_BUCKET = env.str("ARTIFACTS_BUCKET", "")
ARTIFACTS_ENDPOINT_URL = env.str("ARTIFACTS_ENDPOINT_URL", "")
ARTIFACTS_FOLDER = Path(env.str("ARTIFACTS_FOLDER", str(BASE_DIR / "media")))
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles" if IS_PRODUCTION else None  # else served as they lie
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = not IS_PRODUCTION
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if IS_PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
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
RAW_PAYLOAD_DAYS = env.int("RAW_PAYLOAD_DAYS", 400)
GRID_HISTORY_DAYS = env.int("GRID_HISTORY_DAYS", 800)

# --- work in the background -----------------------------------------------------------------------
CELERY_BROKER_URL = f"{REDIS_URL}/0"  # everything else stands in carbon_platform/celery.py

# --- language and time ----------------------------------------------------------------------------
LANGUAGE_CODE = "en"
USE_I18N = False
TIME_ZONE = "UTC"
DATE_FORMAT = "j M Y"
DATETIME_FORMAT = "j M Y, H:i"  # in the admin; the pages spell theirs out
USE_TZ = True

# --- people ---------------------------------------------------------------------------------------
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/dashboard/"
LOGOUT_REDIRECT_URL = "/"
_VALIDATION = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"{_VALIDATION}.UserAttributeSimilarityValidator"},
    {"NAME": f"{_VALIDATION}.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": f"{_VALIDATION}.CommonPasswordValidator"},
]
ADMIN_EMAIL = env.str("ADMIN_EMAIL", "")
ADMIN_PASSWORD = env.str("ADMIN_PASSWORD", "")
globals().update(env.email("EMAIL_URL", default="consolemail://"))
EMAIL_TIMEOUT = 20  # seconds
DEFAULT_FROM_EMAIL = ADMIN_EMAIL or f"carbon@{_HOST}"

# --- what a browser may do ------------------------------------------------------------------------
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = IS_HTTPS
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = IS_HTTPS
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|health|metrics)$"]  # asked from inside, without TLS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXY_COUNT else None
SECURE_REFERRER_POLICY = "same-origin"
CSRF_FAILURE_VIEW = "carbon_platform.error_pages.csrf_failure"
X_FRAME_OPTIONS = "DENY"

# --- the API --------------------------------------------------------------------------------------
THROTTLE_KEY_PER_MINUTE = env.int("THROTTLE_KEY_PER_MINUTE", 6000)
THROTTLE_ADDRESS_PER_MINUTE = env.int("THROTTLE_ADDRESS_PER_MINUTE", 600)
# An export holds a thread while it lasts, and a client that reads slowly makes it last.
EXPORT_MOST_SECONDS = env.int("EXPORT_MOST_SECONDS", 900)
EXPORT_STALLED_SECONDS = env.int("EXPORT_STALLED_SECONDS", 60)
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
DATA_UPLOAD_MAX_NUMBER_FILES = 10
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "apps.workspaces.authentication.ApiKeyAuthentication",
        "apps.workspaces.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["apps.common.permissions.IsAuthenticated"],
    "DEFAULT_THROTTLE_CLASSES": ["apps.workspaces.throttling.PublicThrottle"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["apps.common.strict_json.StrictJSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "apps.common.negotiation.OneAnswerNegotiation",
    "DEFAULT_SCHEMA_CLASS": "apps.common.schema.Schema",
    "EXCEPTION_HANDLER": "apps.common.api.exception_handler",
    "URL_FORMAT_OVERRIDE": None,  # `?format=csv` belongs to the export
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Carbon Platform API",
    "DESCRIPTION": "One ledger from a metered token to a receipt that anyone can check.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVERS": [{"url": "/api/v1"}],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SCHEMA_PATH_PREFIX_TRIM": True,
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    # Not the hook that moves choices into components: it names them by guessing.
    "POSTPROCESSING_HOOKS": ["carbon_platform.openapi.with_refusals"],
}

# --- secrets, receipts and the world outside ------------------------------------------------------
SECRET_KEYRING = env.str("SECRET_KEYRING")
SECRET_STORE = env.str("SECRET_STORE", "keyring")
SECRETS_REGION = env.str("SECRETS_REGION", "")
SECRETS_ENDPOINT_URL = env.str("SECRETS_ENDPOINT_URL", "")
RECEIPT_SIGNING_KEYS = env.str("RECEIPT_SIGNING_KEYS", "")
LOG_SIGNING_KEY = env.str("LOG_SIGNING_KEY", "")
LOG_ORIGIN = env.str("LOG_ORIGIN", "") or f"{urlsplit(PUBLIC_URL).netloc}/log"
ISSUER_NAME = env.str("ISSUER_NAME", "Carbon Platform")
ISSUER_URL = env.str("ISSUER_URL", "") or PUBLIC_URL
PROVIDER_BASE_URLS = {  # empty: the connector's own
    "openai": env.str("OPENAI_BASE_URL", ""),
    "anthropic": env.str("ANTHROPIC_BASE_URL", ""),
    "openrouter": env.str("OPENROUTER_BASE_URL", ""),
    "litellm": env.str("LITELLM_BASE_URL", ""),
}
SIMULATED_PROVIDERS = env.bool("SIMULATED_PROVIDERS", False)
WEBHOOKS_MAY_BE_LOCAL = env.bool("WEBHOOKS_MAY_BE_LOCAL", False) and not IS_PRODUCTION
ELECTRICITYMAPS_API_KEY = env.str("ELECTRICITYMAPS_API_KEY", "")
ELECTRICITYMAPS_BASE_URL = env.str("ELECTRICITYMAPS_BASE_URL", "https://api.electricitymaps.com/v3")
ELECTRICITYMAPS_CALLS_PER_DAY = env.int("ELECTRICITYMAPS_CALLS_PER_DAY", 1000)
UK_CARBON_INTENSITY_URL = env.str("UK_CARBON_INTENSITY_URL", "https://api.carbonintensity.org.uk")
REGISTRY_URL = env.str("REGISTRY_URL", "")
STRIPE_API_KEY = env.str("STRIPE_API_KEY", "")
STRIPE_API_BASE = env.str("STRIPE_API_BASE", "https://api.stripe.com")
STRIPE_WEBHOOK_SECRET = env.str("STRIPE_WEBHOOK_SECRET", "")

# --- logs and metrics -----------------------------------------------------------------------------
LOG_FORMAT = env.str("LOG_FORMAT", "json")
LOG_LEVEL = env.str("LOG_LEVEL", "INFO").upper()
LOGGING_CONFIG = None
configure_logging(LOG_FORMAT, LOG_LEVEL)
PROMETHEUS_MULTIPROC_DIR = env.str("PROMETHEUS_MULTIPROC_DIR", "")  # prometheus_client reads it too
if PROMETHEUS_MULTIPROC_DIR:
    Path(PROMETHEUS_MULTIPROC_DIR).mkdir(parents=True, exist_ok=True)
PROMETHEUS_EXPORT_MIGRATIONS = False
