"""The reference: EPICS base's own records and server, as packed by softioc. Arguments: scenario prefixes."""

import os
import signal
import sys
from pathlib import Path

from epicscorelibs.ioc import dbCore
from softioc import asyncio_dispatcher, softioc

FOLDER = Path(__file__).parent

if __name__ == "__main__":
    for prefix in sys.argv[1:]:
        softioc.dbLoadDatabase(str(FOLDER / "records.db"), substitutions=f"P={prefix}")
    rules = os.environ.get("ACCESS_FILE", str(FOLDER / "access.acf"))
    dbCore.asSetFilename(rules.encode())
    dbCore.asSetSubstitutions(f"P={sys.argv[1]}".encode())
    softioc.iocInit(asyncio_dispatcher.AsyncioDispatcher(), enable_pva=False)
    print("ready", flush=True)
    signal.pause()
