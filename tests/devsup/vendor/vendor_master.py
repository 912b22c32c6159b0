"""The vendor's library as a master, in a process of its own because its threads never end.

Reads one JSON command a line, `[name, arguments...]`, answers one JSON result a line.
Usage: python vendor_master.py PATH [--ascii]
"""

import json
import sys
from typing import Any

import propar


def main() -> None:
    path = sys.argv[1]
    instruments: dict[int, Any] = {}

    def at(node: int) -> Any:
        return instruments.setdefault(node, propar.instrument(path, address=node))

    def chain(node: int, numbers: list[int]) -> list[Any]:
        parameters = at(node).db.get_parameters(numbers)
        return [(item["status"], item["data"]) for item in at(node).read_parameters(parameters)]

    def write_chain(node: int, pairs: list[list[Any]]) -> int:
        parameters = [{**at(node).db.get_parameter(number), "data": value} for number, value in pairs]
        return int(at(node).write_parameters(parameters))

    def framing(node: int, mode: int) -> None:
        at(node).master.propar.mode = mode

    commands = {
        "read": lambda node, number: at(node).readParameter(number),
        "write": lambda node, number, value: at(node).writeParameter(number, value),
        "chain": chain,
        "write_chain": write_chain,
        "wink": lambda node: at(node).wink(5),
        "scan": lambda: at(0x80).master.get_nodes(),
        "framing": framing,
    }
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        print(json.dumps(commands[name](*arguments)), flush=True)


if __name__ == "__main__":
    main()
