"""A provider's usage report in OpenAI's shape that answers after a set time, and does little else.

`python -m benchmarks.meter_stand_in PORT LATENCY_MS`. The simulator would be what is measured: it
checks, keeps a journal and answers from a store, with one thread per request.
"""

import asyncio
import json
import sys
from urllib.parse import parse_qs, urlsplit

HOUR_S = 3600
MODELS = ("gpt-4.1", "gpt-4o")
_revision = 0


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while request := await reader.readuntil(b"\r\n\r\n"):
            await asyncio.sleep(LATENCY_S)
            body = json.dumps(_document(request.split(b" ", 2)[1].decode())).encode()
            head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length:"
            writer.write(f"{head} {len(body)}\r\n\r\n".encode() + body)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


def _document(target: str) -> object:
    """A page of hours. `/revise` makes the newest hour differ from then on."""
    global _revision  # noqa: PLW0603 - one number is the whole state of this process
    address = urlsplit(target)
    if address.path == "/revise":
        _revision += 1
        return {}
    asked = {name: values[0] for name, values in parse_qs(address.query).items()}
    end = int(asked["end_time"])
    hours = range(int(asked["start_time"]), end, HOUR_S)
    rows = _rows if address.path.endswith("completions") else (lambda _hour, _is_newest: [])
    buckets = [
        {
            "object": "bucket",
            "start_time": hour,
            "end_time": hour + HOUR_S,
            "results": rows(hour, hour + HOUR_S == end),
        }
        for hour in hours
    ]
    return {"object": "page", "data": buckets, "has_more": False, "next_page": None}


def _rows(hour: int, is_newest: bool) -> list[object]:  # noqa: FBT001 - called in one place
    return [
        {
            "object": "organization.usage.completions.result",
            "input_tokens": hour % 9973 + (_revision if is_newest else 0),
            "input_cached_tokens": 0,
            "output_tokens": 500,
            "num_model_requests": 3,
            "model": model,
            "project_id": "proj_1",
            "service_tier": "default",
            "batch": False,
        }
        for model in MODELS
    ]


async def _serve(port: int) -> None:
    server = await asyncio.start_server(_answer, "127.0.0.1", port, backlog=1024)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    LATENCY_S = int(sys.argv[2]) / 1000
    asyncio.run(_serve(int(sys.argv[1])))
