"""Phoebus screens that depend on the configuration: how they are written, and where they go.

`widgets.py` is what a `screens.py` of a subsystem is written in. Knows no PV of any subsystem.
"""
