"""Sensors: what a value of the process is, how old it is and whether it is to be believed.

A source reads one instrument, blocking; `Sensor` reads it off the event loop and keeps the account.
Nothing here decides what a value means for the process.
"""

from devsup.sensors.sensor import Sensor, Source
from devsup.sensors.sysfs import Sysfs
from devsup.sensors.values import Limits, Measured, Quality, Quantity, Sample

__all__ = ["Limits", "Measured", "Quality", "Quantity", "Sample", "Sensor", "Source", "Sysfs"]
