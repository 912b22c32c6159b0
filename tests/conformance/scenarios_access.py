"""Scenarios about access rights: as told at connection, and as they change."""

from tests.conformance.script import Script


def rights(s: Script) -> None:
    """A record that rules close and open while a client is connected."""
    s.put("Gate", 0)
    s.put("Gate", 1)
    s.watch("Guarded")
    s.info("Guarded")
    s.try_put("Guarded", 1.0)
    s.monitor("Guarded", "VLA")
    for value in (0, 1, 0):
        s.put("Gate", value)
        s.info("Guarded")
        s.info("Guarded.HIHI")
        s.try_put("Guarded", 2.0 + value)
        s.try_put("Guarded", 4.0 + value, wait=False)
    s.get("Guarded")
    s.info("Free")


SCENARIOS = (rights,)
