"""The WSGI application that gunicorn serves. It does not start on settings that are refused."""

import os

from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "carbon_platform.settings")
os.environ.setdefault("DATABASE_POOL", "true")  # threads share connections only here

application = get_wsgi_application()

from carbon_platform.checks import check_settings  # noqa: E402 - the settings come first

faults = check_settings()
if faults:
    raise ImproperlyConfigured("; ".join(f"{fault.id} {fault.msg}" for fault in faults))
