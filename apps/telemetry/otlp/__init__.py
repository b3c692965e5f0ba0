"""OpenTelemetry as usage: bytes of OTLP/HTTP in, `signals.Mapped` out. Pure.

    message = messages.decoded("traces", packing.unpacked(body, encoding), content_type)
    mapped = mapping.mapped(message, now)

The protocol: https://opentelemetry.io/docs/specs/otlp/. The names of attributes:
https://github.com/open-telemetry/semantic-conventions-genai and, per tool, `agents`.
"""
