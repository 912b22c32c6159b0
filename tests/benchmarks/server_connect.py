"""How long libca takes to connect many channels, in a process of its own. Arguments: how many, prefix."""

import ctypes
import os
import sys
import time

from tests.conformance.repeater import start_repeater

DEADLINE_S = 60.0
NORMAL = 1

if __name__ == "__main__":
    count, prefix = int(sys.argv[1]), sys.argv[2]
    start_repeater(int(os.environ["EPICS_CA_REPEATER_PORT"]))
    import epics

    libca = ctypes.CDLL(epics.ca.find_libca())
    libca.ca_pend_io.argtypes = [ctypes.c_double]
    libca.ca_context_create(1)
    channels = (ctypes.c_void_p * count)()
    begin = time.perf_counter()
    for number in range(count):
        where = ctypes.byref(channels, number * ctypes.sizeof(ctypes.c_void_p))
        libca.ca_create_channel(f"{prefix}{number}".encode(), None, None, 0, where)
    connected = libca.ca_pend_io(DEADLINE_S) == NORMAL
    print(time.perf_counter() - begin if connected else "nan", flush=True)
    os._exit(0)
