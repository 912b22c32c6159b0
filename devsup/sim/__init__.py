"""Instruments that speak the real bytes over a pseudo-terminal: physics, wire server, fault switches.

Nothing here uses the codecs of `devsup`: the simulators are a second, independent reading of the protocols.
"""
