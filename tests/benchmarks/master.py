"""A master under test in a process of its own: takes a job as JSON, prints its run as JSON."""

import asyncio
import json
import sys
from dataclasses import asdict
from typing import Any

from devsup import propar
from devsup.bronkhorst import FAST
from devsup.propar import Frame, Framing
from tests.benchmarks import bare, ours, vendor
from tests.benchmarks.runs import Run


def perform(kind: str, job: dict[str, Any]) -> Run:
    """`kind` is "ours", "bare", or "vendor single", "vendor chained"."""
    if kind == "ours":
        return asyncio.run(ours.poll(**job))
    if kind == "bare":
        nodes = job.pop("nodes")
        questions = {node: Framing.BINARY.encode(Frame(node, propar.read_request(FAST), 1)) for node in nodes}
        return bare.poll(questions=questions, complete=lambda data: data.endswith(b"\x10\x03"), **job)
    return vendor.poll(how=kind.removeprefix("vendor "), **job)


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    json.dump(asdict(perform(given.pop("kind"), given)), sys.stdout)
