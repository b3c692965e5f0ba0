"""Moments in what clients send."""

from datetime import datetime
from typing import Any

from rest_framework import serializers


class InstantField(serializers.DateTimeField):
    """A moment with its offset: without one nobody knows which moment is meant."""

    default_error_messages = {
        "no_offset": "A time carries its offset, such as Z.",
    }

    def enforce_timezone(self, value: datetime) -> Any:
        if value.utcoffset() is None:
            self.fail("no_offset")
        return super().enforce_timezone(value)
