"""Which processes run and what memory each takes, shared pages counted once."""

import subprocess
from collections import defaultdict
from pathlib import Path

from devstack import dotenv
from devstack.lock import holder


def report() -> str:
    running = holder()
    if running is None:
        return "not running"
    memory = {"supervisor": _memory_kib(running.pid)}
    families = _families()
    for name, pid in running.children.items():
        memory[name] = sum(map(_memory_kib, [pid, *_descendants(pid, families)]))
    lines = [f"{name:<12}{kib / 1024:8.1f} MiB" for name, kib in memory.items()]
    total = f"{'total':<12}{sum(memory.values()) / 1024:8.1f} MiB"
    url = dotenv.read(dotenv.RUNTIME).get("PUBLIC_URL", "data services only")
    return "\n".join([f"running at {url} (process {running.pid})", *lines, total])


def _families() -> dict[int, list[int]]:
    """Every process' children, as `ps` tells on Linux and macOS alike."""
    answer = subprocess.run(
        ["ps", "-A", "-o", "ppid=,pid="], capture_output=True, text=True, check=True
    )
    families: dict[int, list[int]] = defaultdict(list)
    for line in answer.stdout.splitlines():
        parent, child = map(int, line.split())
        families[parent].append(child)
    return families


def _descendants(pid: int, families: dict[int, list[int]]) -> list[int]:
    found = list(families.get(pid, []))
    for child in found:
        found += families.get(child, [])  # the list grows while it is walked
    return found


def _memory_kib(pid: int) -> int:
    """Proportional set size where the system knows it, else resident set size."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except OSError:
        pass
    answer = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return int(answer.stdout.strip() or 0)
