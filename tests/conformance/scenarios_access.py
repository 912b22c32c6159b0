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


def secrets(s: Script) -> None:
    """A record that may be read while the gate is open."""
    s.put("Gate", 0)
    s.watch("Secret")
    s.info("Secret")
    s.get("Secret")
    s.monitor("Secret", "VLA")
    for value in (1, 0, 1):
        s.put("Gate", value)
        s.info("Secret")
        s.get("Secret")
        s.get("Secret.DESC")
        s.try_put("Secret", 1.0 + value)


SCENARIOS = (rights, secrets)
