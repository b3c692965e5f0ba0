"""The header by which a sender makes a request safe to repeat."""

import re
from typing import Final

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from apps.common.errors import InvalidError

_FORM: Final = re.compile(r"[\x21-\x7e]{1,255}")
IDEMPOTENCY_KEY: Final = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="Up to 255 visible ASCII characters. The same key with the same body is stored "
    "once and answered alike; with another body it is refused.",
)


def idempotency_key(request: Request) -> str | None:
    """The key, if there is one. Raises InvalidError for one of another form."""
    key: str | None = request.headers.get("Idempotency-Key")
    if key is not None and not _FORM.fullmatch(key):
        raise InvalidError("Idempotency-Key: up to 255 visible ASCII characters.")
    return key
