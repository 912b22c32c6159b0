"""Whether an IOC of this host serves: its heartbeat is read as a client would. Started by startup/healthy."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from caproto import CaprotoError
from caproto.sync.client import read

TIMEOUT_S = 5.0


def main(arguments: Sequence[str]) -> int:
    """0 if it does, 1 if not; says why."""
    prefix = arguments[0] if arguments else os.environ.get("IOC_PREFIX") or own_prefix()
    os.environ.update(where(os.environ))
    try:
        beats = read(f"{prefix}IOC:HEARTBEAT", timeout=TIMEOUT_S, repeater=False).data[0]
    except (CaprotoError, OSError) as error:
        print(f"{prefix}IOC:HEARTBEAT: {error or type(error).__name__}", file=sys.stderr)
        return 1
    print(f"{prefix}IOC:HEARTBEAT {beats:g}")
    return 0


def where(environ: Mapping[str, str]) -> dict[str, str]:
    """Variables of a client that looks for the server of this container only."""
    interface = (environ.get("EPICS_CAS_INTF_ADDR_LIST") or "127.0.0.1").split()[0]
    address = "127.0.0.1" if interface == "0.0.0.0" else interface.partition(":")[0]
    port = environ.get("EPICS_CAS_SERVER_PORT") or environ.get("EPICS_CA_SERVER_PORT") or "5064"
    return {
        "EPICS_CA_ADDR_LIST": address,
        "EPICS_CA_AUTO_ADDR_LIST": "NO",
        "EPICS_CA_SERVER_PORT": port,
    }


def own_prefix() -> str:
    """That of the subsystem that process 1 runs, in a container; of the command line otherwise unknown."""
    from iocs.common.subsystem import find, known

    command = Path("/proc/1/cmdline").read_bytes().decode(errors="replace").split("\0")
    names = [name for name in known() if name in command]
    if len(names) != 1:
        sys.exit("which prefix? Name it, or set IOC_PREFIX")
    return find(names[0]).prefix


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
