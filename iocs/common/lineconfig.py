"""What the YAML of every subsystem says about a serial line: where it is, its bytes, how long to wait.

Knows keys, ranges and defaults; opens nothing.
"""

from collections.abc import Sequence
from dataclasses import replace

from devsup.health import Manners
from devsup.line import LineSettings
from iocs.common.config import Section

BAUDRATES = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800)
USUAL = LineSettings("", baudrate=38400)


def read_settings(section: Section, default: LineSettings = USUAL) -> LineSettings:
    """Where a line is and how its bytes are shaped."""
    baudrate = section.integer(
        "baudrate", low=BAUDRATES[0], high=BAUDRATES[-1], unit="Bd", default=default.baudrate
    )
    if baudrate not in BAUDRATES:
        section.error("baudrate", f"{baudrate} is not one of {', '.join(map(str, BAUDRATES))}")
    return LineSettings(
        url=section.text("url", pattern=r"\S+"),
        baudrate=baudrate,
        parity=section.choice("parity", {"none": "N", "even": "E", "odd": "O"}, default=default.parity),
        stopbits=section.integer("stopbits", low=1, high=2, default=int(default.stopbits)),
        rtscts=section.flag("rtscts", default=False),
        rs485=section.flag("rs485", default=False),
        rts_on_send=section.flag("rts_on_send", default=True),
        rts_before_s=section.number("rts_before", low=0, high=0.1, unit="s", default=0.0),
        rts_after_s=section.number("rts_after", low=0, high=0.1, unit="s", default=0.0),
    )


def read_manners(section: Section, base: Manners) -> Manners:
    """How patient to be; what the section does not say is as in `base`."""
    return replace(
        base,
        response_timeout_s=section.number(
            "response_timeout", low=0.05, high=30, unit="s", default=base.response_timeout_s
        ),
        command_timeout_s=section.number(
            "command_timeout", low=0.05, high=30, unit="s", default=base.command_timeout_s
        ),
    )


def check_owners(sections: Sequence[Section], lines: Sequence[LineSettings], names: Sequence[str]) -> None:
    """Reports a line that is given twice: it has one owner. The three sequences belong together."""
    owners: dict[str, str] = {}
    for section, line, name in zip(sections, lines, names, strict=True):
        other = owners.setdefault(line.url, name)
        if other != name and section.has("url"):
            section.error("url", f"{line.url} is already line {other}: a line has one owner")
