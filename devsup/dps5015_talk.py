"""What is said to one DPS supply within one transaction, and how its answers are checked.

Runs in the thread of the port; knows no queue, no priority and no event loop. Everything raises
devsup.errors.
"""

import time
from contextlib import suppress

from devsup.dps5015_values import (
    BLOCK,
    BLOCK_SIZE,
    I_SET,
    LOCK,
    OUTPUT,
    OVP,
    STORE,
    STORE_SIZE,
    U_SET,
    VOLT,
    Model,
    Store,
    SupplyLimits,
    SupplyReading,
    counts,
    decode_block,
    decode_store,
)
from devsup.errors import DeviceError
from devsup.modbus_unit import ModbusTalk

TRIES = 2  # of a write that is acknowledged, but that the block read behind it does not show


def read_block(talk: ModbusTalk) -> SupplyReading:
    """Everything that changes, in one exchange."""
    block = talk.read_holding(BLOCK, BLOCK_SIZE)
    return decode_block(block, time.monotonic(), time.time())


def read_store(talk: ModbusTalk, model: Model) -> Store:
    """The settings in force that the block does not show."""
    return decode_store(talk.read_holding(STORE, STORE_SIZE), model)


def order(talk: ModbusTalk, model: Model | None, volts: float | None, amps: float) -> SupplyReading:
    """Set points: both at once, or the current alone. `model` is None when it may be another than before:
    then it is asked for first, because a count of current is not the same in all of them."""
    model = model or read_block(talk).model
    if not (amps <= model.amps and (volts or 0.0) <= model.volts):
        raise DeviceError(f"a {model.name} cannot put out {volts or 0.0:g} V, {amps:g} A")
    for _ in range(TRIES):
        if volts is None:
            talk.write_register(I_SET, counts(amps, model.amp))
        else:
            talk.write_registers(U_SET, (counts(volts, VOLT), counts(amps, model.amp)))
        now = read_block(talk)
        if now.shows(volts, amps):
            return now
    wanted = f"{amps:g} A" if volts is None else f"{volts:g} V, {amps:g} A"
    raise DeviceError(f"{wanted} not taken, it reads back {now.set_voltage:g} V, {now.set_current:g} A")


def switch(talk: ModbusTalk, on: bool) -> SupplyReading:
    """The output, on or off."""
    for _ in range(TRIES):
        talk.write_register(OUTPUT, int(on))
        now = read_block(talk)
        if now.output == on:
            return now
    why = f" (protection: {now.protect.text})" if now.protect else ""
    raise DeviceError(f"output stayed {'off' if on else 'on'}{why}")


def make_safe(talk: ModbusTalk) -> None:
    """Output off, whatever model it is. Where that is not obeyed it is set to 0 V and 0 A, and still reported
    as not off."""
    if _is_off(talk):
        return
    with suppress(DeviceError):
        talk.write_registers(U_SET, (0, 0))
    block = talk.read_holding(BLOCK, BLOCK_SIZE)
    if block[OUTPUT]:
        raise DeviceError(
            f"output not confirmed off; set points are {block[U_SET]} and {block[I_SET]} counts"
        )


def _is_off(talk: ModbusTalk) -> bool:
    """Told to be off, does it say it is? Twice, if it takes time to obey."""
    for _ in range(TRIES):
        with suppress(DeviceError):
            talk.write_register(OUTPUT, 0)
        if not talk.read_holding(BLOCK, BLOCK_SIZE)[OUTPUT]:
            return True
    return False


def unlock(talk: ModbusTalk) -> SupplyReading:
    """The keys of its panel."""
    talk.write_register(LOCK, 0)
    return read_block(talk)


def protect(talk: ModbusTalk, model: Model, limits: SupplyLimits) -> Store:
    """OVP and OCP as the limits say."""
    wanted = (counts(limits.over_voltage, VOLT), counts(limits.over_current, model.amp))
    talk.write_registers(OVP, wanted)
    store = read_store(talk, model)
    if not store.protects_as(limits):
        raise DeviceError(
            f"protections {limits.over_voltage:g} V, {limits.over_current:g} A not taken,"
            f" they read back {store.over_voltage:g} V, {store.over_current:g} A"
        )
    return store
