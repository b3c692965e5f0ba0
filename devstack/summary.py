"""The few lines a developer needs once everything runs."""

import json
from collections.abc import Mapping

from devstack import places

DEMO = places.LOCAL / "demo.json"


def of_running(settings: Mapping[str, str], seconds: float) -> str:
    site = settings["PUBLIC_URL"]
    left = demo()
    rows = {
        "Dashboard": f"{site}/dashboard/",
        "  login": _login(left.get("login"), settings.get("DEMO_PASSWORD")),
        "API docs": f"{site}/docs",
        "  API key": left.get("api_key"),
        "Receipt": site + left["receipt"] if "receipt" in left else None,
        "Admin": f"{site}/admin/",
        "  as": _login(settings.get("ADMIN_EMAIL"), settings.get("ADMIN_PASSWORD")),
        "Logs": str(places.LOCAL / "logs"),
    }
    width = max(map(len, rows)) + 2
    lines = [f"{label:<{width}}{value}" for label, value in rows.items() if value]
    return "\n".join([f"ready after {seconds:.1f} s; Ctrl-C stops everything", *lines])


def _login(name: str | None, password: str | None) -> str | None:
    return f"{name}  {password}" if name and password else None


def demo() -> dict[str, str]:
    """What the demo left behind: `login`, `api_key`, and `receipt`, the path of its page."""
    try:
        content = json.loads(DEMO.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
