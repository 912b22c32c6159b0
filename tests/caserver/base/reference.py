"""EPICS base with the records of bench.db, by pythonSoftIOC's copy of it. Run with a prefix."""

import sys
import time
from pathlib import Path

from softioc import asyncio_dispatcher, softioc

if __name__ == "__main__":
    softioc.dbLoadDatabase(str(Path(__file__).with_name("bench.db")), substitutions=f"P={sys.argv[1]}")
    softioc.iocInit(asyncio_dispatcher.AsyncioDispatcher())
    print("ready", flush=True)
    while True:
        time.sleep(3600)
