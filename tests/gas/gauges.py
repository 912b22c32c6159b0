"""What a vacuum system tells the gas IOC, served by EPICS base in a process of its own."""

import signal

from softioc import asyncio_dispatcher, builder, softioc

if __name__ == "__main__":
    builder.SetDeviceName("G")
    builder.aOut("Pressure", initial_value=1e-4, EGU="Torr", PREC=6)
    builder.boolOut("Door", "Open", "Closed", initial_value=1)
    builder.boolOut("Water", "Failed", "OK", initial_value=1)
    builder.boolOut("Stop", "Pressed", "Ready", initial_value=1)
    builder.boolOut("Cold", "Warm", "OK", initial_value=1)
    builder.boolOut("Leak", "Found", "OK", initial_value=1)
    builder.LoadDatabase()
    softioc.iocInit(asyncio_dispatcher.AsyncioDispatcher(), enable_pva=False)
    print("ready", flush=True)
    signal.pause()
