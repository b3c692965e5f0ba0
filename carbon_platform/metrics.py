"""What Prometheus is told about HTTP. A path is its route's pattern, never what was typed."""

import re

from django.http import HttpRequest
from prometheus_client import Counter, Histogram

_LABELS = ("method", "path", "status_code")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")

REQUESTS = Counter("carbon_api_http_requests_total", "HTTP requests answered.", _LABELS)
DURATION = Histogram(
    "carbon_api_http_request_duration_seconds",
    "Time from a request's arrival to its answer.",
    _LABELS,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


def count(request: HttpRequest, status: int, seconds: float) -> None:
    method = request.method if request.method in _METHODS else "OTHER"
    labels = (method, route(request), str(status))
    REQUESTS.labels(*labels).inc()
    DURATION.labels(*labels).observe(seconds)


def route(request: HttpRequest) -> str:
    """`/api/v1/receipts/{receipt_id}`; one word for everything that no route matched."""
    match = request.resolver_match
    return "/" + _PARAMETER.sub(r"{\1}", match.route) if match else "unmatched"
