"""libca, raw, in a process of its own: orders come as lines of JSON, everything libca says goes back as such.

pyepics hides the status of a put,
    the type and count of a reply and the reason of a failure; here they are the
point. The library is the one pyepics uses. Run as `python -m tests.conformance.worker`.
"""

import ctypes
import json
import os
import sys
import threading
from collections.abc import Callable
from typing import Any

from tests.conformance import dbr
from tests.conformance.repeater import start_repeater

start_repeater(int(os.environ["EPICS_CA_REPEATER_PORT"]))

import epics  # noqa: E402

c_long, c_void_p = ctypes.c_long, ctypes.c_void_p
UP = 6
PREEMPTIVE = 1


class EventArgs(ctypes.Structure):
    _fields_ = (
        ("usr", c_void_p), ("chid", c_void_p), ("type", c_long), ("count", c_long), ("dbr", c_void_p),
        ("status", ctypes.c_int),
    )  # fmt: skip


class ConnectionArgs(ctypes.Structure):
    _fields_ = (("chid", c_void_p), ("op", c_long))


class AccessArgs(ctypes.Structure):
    _fields_ = (("chid", c_void_p), ("rights", ctypes.c_uint))


class ExceptionArgs(ctypes.Structure):
    _fields_ = (
        ("usr", c_void_p), ("chid", c_void_p), ("type", c_long), ("count", c_long), ("addr", c_void_p),
        ("stat", c_long), ("op", c_long), ("ctx", ctypes.c_char_p), ("file", ctypes.c_char_p),
        ("line", ctypes.c_uint),
    )  # fmt: skip


libca = ctypes.CDLL(epics.ca.find_libca())
libca.ca_message.restype = ctypes.c_char_p
libca.ca_message.argtypes = [c_long]
libca.ca_puser.restype = c_void_p
for name in ("ca_puser", "ca_field_type", "ca_element_count", "ca_read_access", "ca_write_access",
    "ca_clear_channel",
             "ca_clear_subscription"):  # fmt: skip
    getattr(libca, name).argtypes = [c_void_p]
libca.ca_field_type.restype = ctypes.c_short
libca.ca_element_count.restype = ctypes.c_ulong
libca.ca_create_channel.argtypes = [ctypes.c_char_p, c_void_p, c_void_p, ctypes.c_uint, c_void_p]
libca.ca_replace_access_rights_event.argtypes = [c_void_p, c_void_p]
libca.ca_array_get_callback.argtypes = [c_long, ctypes.c_ulong, c_void_p, c_void_p, c_void_p]
libca.ca_array_put.argtypes = [c_long, ctypes.c_ulong, c_void_p, c_void_p]
libca.ca_array_put_callback.argtypes = [c_long, ctypes.c_ulong, c_void_p, c_void_p, c_void_p, c_void_p]
libca.ca_create_subscription.argtypes = [
    c_long,
    ctypes.c_ulong,
    c_void_p,
    c_long,
    c_void_p,
    c_void_p,
    c_void_p,
]
libca.ca_add_exception_event.argtypes = [c_void_p, c_void_p]

writing = threading.Lock()
channels: dict[int, Any] = {}
subscriptions: dict[int, Any] = {}


def tell(**message: Any) -> None:
    with writing:
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()


def words(status: int) -> str:
    text: str = libca.ca_message(status).decode()
    return text


def reply(args: EventArgs) -> dict[str, Any]:
    data = ctypes.string_at(args.dbr, dbr.size(args.type, args.count)).hex() if args.dbr else None
    return {"status": words(args.status), "type": dbr.NAMES.get(args.type), "count": args.count, "data": data}


@ctypes.CFUNCTYPE(None, EventArgs)
def on_answer(args: EventArgs) -> None:
    tell(answer=args.usr, value=reply(args))


@ctypes.CFUNCTYPE(None, EventArgs)
def on_event(args: EventArgs) -> None:
    tell(event=args.usr, value=reply(args))


@ctypes.CFUNCTYPE(None, ConnectionArgs)
def on_connection(args: ConnectionArgs) -> None:
    tell(channel=libca.ca_puser(args.chid), up=args.op == UP)


@ctypes.CFUNCTYPE(None, AccessArgs)
def on_access(args: AccessArgs) -> None:
    tell(channel=libca.ca_puser(args.chid), rights="rw"[: args.rights & 1] + "w" * (args.rights >> 1 & 1))


@ctypes.CFUNCTYPE(None, ExceptionArgs)
def on_exception(args: ExceptionArgs) -> None:
    tell(exception=words(args.stat), channel=libca.ca_puser(args.chid) if args.chid else None)


def create(number: int, channel: int, name: str) -> str:
    chid = c_void_p()
    status = libca.ca_create_channel(name.encode(), on_connection, channel, 0, ctypes.byref(chid))
    channels[channel] = chid
    libca.ca_replace_access_rights_event(chid, on_access)
    return words(status)


def info(number: int, channel: int) -> dict[str, Any]:
    chid = channels[channel]
    kind = libca.ca_field_type(chid)
    rights = ("r" if libca.ca_read_access(chid) else "") + ("w" if libca.ca_write_access(chid) else "")
    return {"type": dbr.NAMES.get(kind), "count": libca.ca_element_count(chid), "rights": rights}


def get(number: int, channel: int, kind: str, count: int) -> str | None:
    status = libca.ca_array_get_callback(dbr.TYPES[kind], count, channels[channel], on_answer, number)
    return None if status == 1 else words(status)


def put(number: int, channel: int, kind: str, count: int, data: str) -> str:
    return words(libca.ca_array_put(dbr.TYPES[kind], count, channels[channel], bytes.fromhex(data)))


def put_callback(number: int, channel: int, kind: str, count: int, data: str) -> str | None:
    raw = bytes.fromhex(data)
    status = libca.ca_array_put_callback(dbr.TYPES[kind], count, channels[channel], raw, on_answer, number)
    return None if status == 1 else words(status)


def subscribe(number: int, subscription: int, channel: int, kind: str, count: int, mask: int) -> str:
    evid = c_void_p()
    status = libca.ca_create_subscription(
        dbr.TYPES[kind], count, channels[channel], mask, on_event, subscription, ctypes.byref(evid)
    )
    subscriptions[subscription] = evid
    return words(status)


def unsubscribe(number: int, subscription: int) -> str:
    return words(libca.ca_clear_subscription(subscriptions.pop(subscription)))


def clear(number: int, channel: int) -> str:
    return words(libca.ca_clear_channel(channels.pop(channel)))


ORDERS: dict[str, Callable[..., Any]] = {
    order.__name__: order for order in (create, info, get, put, put_callback, subscribe, unsubscribe, clear)
}


def main() -> None:
    libca.ca_context_create(PREEMPTIVE)
    libca.ca_add_exception_event(on_exception, None)
    tell(answer=0, value="ready")
    for line in sys.stdin:
        order = json.loads(line)
        answer = ORDERS[order.pop("order")](**order)
        if answer is not None:
            tell(answer=order["number"], value=answer)
        libca.ca_flush_io()
    os._exit(0)


if __name__ == "__main__":
    main()
