"""Alicat ASCII: text <-> values, as pure functions. Several generations of firmware, one set of words.

Knows the protocol (serial primer, MC and M-series manuals); must not know a port or a clock.

What this protocol cannot detect: it has no checksum and no sequence numbers. An answer is known by its
unit id, its form, and the columns the instrument has announced; a flipped bit in a digit passes.
Callers must judge plausibility.
"""

from devsup.alicat.commands import MASS_FLOW, UNIT_IDS, Commands, NotSupported
from devsup.alicat.firmware import UNKNOWN, Firmware, firmware_in
from devsup.alicat.frames import HELD, LOCKED, MEANINGS, DataFrame, Misshapen, assumed_setpoint, parse_frame
from devsup.alicat.gases import GASES, MIXTURES, number_of
from devsup.alicat.layout import Column, Dialect, Layout, Quantity, layout_from
from devsup.alicat.replies import (
    FeatureMissing,
    LineDecoder,
    Maker,
    NotUnderstood,
    Setpoints,
    Source,
    full_scale_from,
    full_scale_in,
    gas_register_from,
    gases_from,
    maker_complete,
    maker_from,
    own,
    selected_gas_from,
    setpoints_from,
    source_from,
    version_from,
)
from devsup.alicat.units import egu

__all__ = [
    "GASES",
    "HELD",
    "LOCKED",
    "MASS_FLOW",
    "MEANINGS",
    "MIXTURES",
    "UNIT_IDS",
    "UNKNOWN",
    "Column",
    "Commands",
    "DataFrame",
    "Dialect",
    "FeatureMissing",
    "Firmware",
    "Layout",
    "LineDecoder",
    "Maker",
    "Misshapen",
    "NotSupported",
    "NotUnderstood",
    "Quantity",
    "Setpoints",
    "Source",
    "assumed_setpoint",
    "egu",
    "firmware_in",
    "full_scale_from",
    "full_scale_in",
    "gas_register_from",
    "gases_from",
    "layout_from",
    "maker_complete",
    "maker_from",
    "number_of",
    "own",
    "parse_frame",
    "selected_gas_from",
    "setpoints_from",
    "source_from",
    "version_from",
]
