"""Many libca clients, each with a context, and so a connection, of its own: `many_clients.py COUNT LAST PV…`.

Says `ready` when every subscription of every client has had its first event; ends when every client has
seen the first PV at LAST, with a line of JSON: per client the values of the first PV, and how many PVs it
heard of. Run as a script, not imported.
"""

import json
import sys
import threading
from typing import Any

from epics import ca

DEADLINE_S = 30.0


class Client:
    """One connection; its context belongs to the thread that runs it."""

    def __init__(self, names: list[str], last: float) -> None:
        self.names = names
        self.last = last
        self.values: list[float] = []
        self.first: set[str] = set()
        self.heard = threading.Event()
        self.done = threading.Event()
        self.kept: list[Any] = []

    def run(self, leave: threading.Event) -> None:
        ca.create_context()
        for name in self.names:
            channel = ca.create_channel(name, connect=False)
            ca.connect_channel(channel, timeout=DEADLINE_S)
            self.kept.append(ca.create_subscription(channel, callback=self.event))
        ca.flush_io()
        leave.wait(2 * DEADLINE_S)

    def event(self, pvname: str = "", value: Any = None, **_: Any) -> None:
        if pvname == self.names[0]:
            self.values.append(value)
            if value == self.last:
                self.done.set()
        self.first.add(pvname)
        if len(self.first) == len(self.names):
            self.heard.set()


def main(count: int, last: float, names: list[str]) -> int:
    ca.initialize_libca()
    leave = threading.Event()
    clients = [Client(names, last) for _ in range(count)]
    for client in clients:
        threading.Thread(target=client.run, args=(leave,), daemon=True).start()
    if not all(client.heard.wait(DEADLINE_S) for client in clients):
        return 1
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    done = all(client.done.wait(DEADLINE_S) for client in clients)
    report = [{"values": client.values, "first": len(client.first)} for client in clients]
    sys.stdout.write(json.dumps(report) + "\n")
    sys.stdout.flush()
    leave.set()
    return 0 if done else 2


if __name__ == "__main__":
    import os

    os._exit(main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]))
