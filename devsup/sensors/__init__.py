"""Sensors: what a value of the process is, how old it is and whether it is to be believed.

A `Source` reads one instrument, blocking; a `Sensor` reads it off the event loop and keeps the account,
as does every `Feed`. Nothing here decides what a value means for the process.
"""

from devsup.sensors.feed import Feed
from devsup.sensors.sensor import Sensor, Source
from devsup.sensors.sysfs import Sysfs
from devsup.sensors.values import Limits, Measured, Quality, Quantity, Sample

__all__ = ["Feed", "Limits", "Measured", "Quality", "Quantity", "Sample", "Sensor", "Source", "Sysfs"]
