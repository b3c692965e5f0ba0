"""What an operator may do to rows that services change."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.common.admin import ReadOnlyAdmin
from apps.common.errors import DomainError

Act = Callable[[Any], object]


class OperatedAdmin(ReadOnlyAdmin):
    """Actions for operators who may change such rows; each goes through a service."""

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(f"telemetry.change_{self.opts.model_name}")

    def each(self, request: HttpRequest, chosen: QuerySet[Any], act: Act) -> None:
        for row in chosen:
            try:
                act(row)
            except DomainError as refusal:
                self.message_user(request, f"{row}: {refusal.message}", messages.WARNING)
            else:
                self.message_user(request, f"{row}: done.", messages.SUCCESS)
