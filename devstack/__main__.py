"""`python -m devstack`: up, exec, status, stop, reset."""

import argparse
import sys

from devstack import commands, status
from devstack.errors import DevstackError
from devstack.supervisor import Supervisor


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m devstack", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("up", help="start everything and stay")
    run = verbs.add_parser("exec", help="run one command with the services up: exec -- CMD")
    run.add_argument("command", nargs="+")
    verbs.add_parser("status", help="what runs, and its memory")
    verbs.add_parser("stop", help="stop what runs")
    verbs.add_parser("reset", help="delete all local data and secrets")
    arguments = parser.parse_args()
    try:
        return _act(arguments)
    except DevstackError as refusal:
        print(f"devstack: {refusal}", file=sys.stderr)
        return 1


def _act(arguments: argparse.Namespace) -> int:
    match arguments.verb:
        case "up":
            return Supervisor().run()
        case "exec":
            return commands.execute(arguments.command)
        case "status":
            print(status.report())
        case "stop":
            print(commands.stop())
        case "reset":
            print(commands.reset())
    return 0


if __name__ == "__main__":
    sys.exit(main())
