"""Adds the toy subsystem to `iocs`, for processes that have this folder in PYTHONPATH."""

import iocs

iocs.__path__.append(f"{__file__.rpartition('/')[0]}/iocs")
