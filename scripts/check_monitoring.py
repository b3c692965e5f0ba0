"""Whether Prometheus rules and Grafana dashboards ask for metrics that exist; needs neither.

Every expression has to parse, and every metric in it has to be one that the code defines, a
recording rule, or one that Prometheus makes itself.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parent.parent
PROMETHEUS = ROOT / "deploy" / "prometheus"
GRAFANA = ROOT / "deploy" / "grafana"
MADE_BY_PROMETHEUS = {"up"}
_DEFINITION = re.compile(r"\b(Counter|Gauge|Histogram)\(\s*\"([a-z_]+)\"")
_SUFFIXES = {
    "Counter": ("_total",),
    "Gauge": ("",),
    "Histogram": ("_bucket", "_sum", "_count"),
}


def main() -> int:
    rules = _rules()
    known = MADE_BY_PROMETHEUS | _defined_in_code() | {r["record"] for r in rules if "record" in r}
    faults = [
        *(fault for rule in rules for fault in _rule_faults(rule, known)),
        *_scrape_faults(),
        *_dashboard_faults(known),
    ]
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


def _defined_in_code() -> set[str]:
    """Every name under which a metric of ours is exported."""
    names: set[str] = set()
    for folder in ("carbon_platform", "apps"):
        for file in (ROOT / folder).rglob("*.py"):
            for kind, name in _DEFINITION.findall(file.read_text()):
                stem = name.removesuffix("_total") if kind == "Counter" else name
                names |= {stem + suffix for suffix in _SUFFIXES[kind]}
    return names


def _yaml(path: Path) -> Any:
    return YAML(typ="safe").load(path)


def _rules() -> list[dict[str, Any]]:
    groups = _yaml(PROMETHEUS / "alerts.yml")["groups"]
    return [rule for group in groups for rule in group["rules"]]


def _rule_faults(rule: dict[str, Any], known: set[str]) -> Iterator[str]:
    name = rule.get("alert") or rule["record"]
    yield from _expression_faults(f"rule {name}", rule["expr"], known)
    if "alert" in rule and not rule.get("annotations", {}).get("summary"):
        yield f"rule {name}: no summary"
    if "alert" in rule and rule.get("labels", {}).get("severity") not in {"page", "ticket"}:
        yield f"rule {name}: severity is neither page nor ticket"


def _scrape_faults() -> Iterator[str]:
    """Targets are service names of the compose file, or Prometheus itself."""
    config = _yaml(PROMETHEUS / "prometheus.yml")
    for file in config["rule_files"]:
        if not (PROMETHEUS / file).is_file():
            yield f"prometheus.yml: {file} is missing"
    services = _yaml(ROOT / "docker-compose.yml")["services"]
    for job in config["scrape_configs"]:
        for target in (t for group in job["static_configs"] for t in group["targets"]):
            if target.partition(":")[0] not in {*services, "127.0.0.1"}:
                yield f"prometheus.yml: {target} is no service of docker-compose.yml"


def _dashboard_faults(known: set[str]) -> Iterator[str]:
    sources = _yaml(GRAFANA / "provisioning" / "datasources" / "prometheus.yml")["datasources"]
    source_uids = {source["uid"] for source in sources}
    uids: set[str] = set()
    for file in sorted((GRAFANA / "dashboards").glob("*.json")):
        dashboard = json.loads(file.read_text())
        if dashboard["uid"] in uids:
            yield f"{file.name}: the uid {dashboard['uid']} is taken"
        uids.add(dashboard["uid"])
        ids = [panel["id"] for panel in dashboard["panels"]]
        if len(set(ids)) != len(ids):
            yield f"{file.name}: two panels share an id"
        for panel in dashboard["panels"]:
            where = f"{file.name}, {panel['title']}"
            if panel["datasource"]["uid"] not in source_uids:
                yield f"{where}: the data source is not provisioned"
            for target in panel["targets"]:
                yield from _expression_faults(where, target["expr"], known)
    if not uids:
        yield "no dashboard found"


def _expression_faults(where: str, expression: str, known: set[str]) -> Iterator[str]:
    try:
        tree = promql_parser.parse(expression)
    except ValueError as refusal:
        yield f"{where}: {refusal}"
        return
    names: list[str] = []

    def visit(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            names.append(node.name or "a selector without a name")

    promql_parser.walk(tree, pre_visit=visit)
    for name in names:
        if name not in known:
            yield f"{where}: nothing exports {name}"


if __name__ == "__main__":
    sys.exit(main())
