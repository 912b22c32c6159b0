"""The files by which a site changes how all screens look: named colours, and a file of widget classes.

Both are written from look.py. Phoebus reads them where its settings name them (opi/settings.ini).
"""

from __future__ import annotations

from xml.etree import ElementTree

from iocs.common.screens import look
from iocs.common.screens.look import Colour
from iocs.common.screens.tree import Property, text

COLOURS, CLASSES = "color.def", "lab.bcf"
ALARMS = ("MINOR", "MAJOR", "INVALID", "DISCONNECTED")
"""Phoebus knows these itself."""
HEAD = """# Named colours of the screens: Name = red, green, blue.
#
# Grey is normal; what is saturated is not as it should be. The colours of alarms are Phoebus' own and mean
# alarms; STOP is for emergency stops and nothing else. Bright is on, dark is off.
# Written by `python -m iocs export opi`; a site keeps a copy of its own beside its settings.ini.
"""


def colours() -> str:
    """color.def."""
    named = [value for value in vars(look).values() if isinstance(value, Colour)]
    own = [c for c in (*named, *look.TRACES, *look.PALE_TRACES) if c.name not in ALARMS]
    return HEAD + "".join(f"{c.name} = {c.red},{c.green},{c.blue}\n" for c in own)


def classes() -> str:
    """lab.bcf: a widget for each class, with what it imposes."""
    root = ElementTree.Element("display", version="2.0.0")
    root.append(text("name", "Widget classes").element())
    for at, (name, (kind, imposed)) in enumerate(look.CLASSES.items()):
        widget = ElementTree.SubElement(root, "widget", type=kind, version=look.version(kind))
        place: dict[str, Property] = {"name": name, "y": at * look.PITCH, "height": look.ROW}
        widget.extend(text(tag, value).element() for tag, value in place.items())
        for tag, value in imposed.items():
            widget.append(text(tag, value).element())
            widget[-1].set("use_class", "true")
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'
