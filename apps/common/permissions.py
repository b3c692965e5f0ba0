"""Who may call at all. Beside `api.py` and not in it: the framework imports its defaults first."""

from typing import Any

from django.conf import settings
from rest_framework.permissions import BasePermission
from rest_framework.request import Request


class IsAuthenticated(BasePermission):
    """A key or a session spoke for this request. A program has no user, so the user is not asked.

    AUTH_ENABLED=false lets anybody through, which a system check allows with DEBUG only.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        return request.successful_authenticator is not None or not settings.AUTH_ENABLED
