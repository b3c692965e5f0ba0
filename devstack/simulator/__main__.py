"""`python -m devstack.simulator --port N`: serve until interrupted."""

import argparse
import signal
import threading
from pathlib import Path

from devstack.simulator.server import SimulatorServer
from devstack.simulator.simulator import Simulator


def main() -> None:
    parser = argparse.ArgumentParser(prog="devstack.simulator", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one")
    parser.add_argument("--seed", type=int, default=7, help="another seed is another past")
    parser.add_argument("--days", type=int, default=60, help="how far the past reaches back")
    parser.add_argument("--webhook-url", help="where Stripe's events are delivered")
    parser.add_argument("--webhook-secret", help="whsec_…, signs them")
    parser.add_argument("--state", type=Path, metavar="FILE", help="keeps Stripe and registry")
    asked = parser.parse_args()
    simulator = Simulator(
        seed=asked.seed,
        days=asked.days,
        webhook_url=asked.webhook_url,
        webhook_secret=asked.webhook_secret,
        state=asked.state,
    )
    server = SimulatorServer(simulator, asked.port)
    print(f"simulator on http://127.0.0.1:{server.server_port}", flush=True)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(poll_interval=0.1)
    server.server_close()


if __name__ == "__main__":
    main()
