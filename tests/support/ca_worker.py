"""The other end of ca.py: libca in a process of its own, told what to do by lines of JSON on stdin.

libca reads its environment once per process and never lets go of it; a process per client keeps tests apart.
Each order is answered on stdout by a line with its number; monitor events come as they arrive.
Run as a script, not imported.
"""

import json
import os
import socket
import struct
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

REPEATER_CONFIRM, REPEATER_REGISTER, BEACON = 17, 24, 13
HEADER = struct.Struct(">HHHHII")


def repeat_beacons(port: int) -> None:
    """A CA repeater that lives and dies with this process: libca would start one that stays for ever."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.bind(("127.0.0.1", port))
    except OSError:  # another client of the same test does it
        sock.close()
        return
    clients: set[tuple[str, int]] = set()
    while True:
        datagram, sender = sock.recvfrom(4096)
        kind = int.from_bytes(datagram[:2], "big") if datagram else REPEATER_REGISTER
        if kind == REPEATER_REGISTER:
            clients.add(sender)
            sock.sendto(HEADER.pack(REPEATER_CONFIRM, 0, 0, 0, 0, 0x7F000001), sender)
        elif kind == BEACON:
            for client in clients:
                sock.sendto(datagram, client)


REPEATER_PORT = int(os.environ["EPICS_CA_REPEATER_PORT"])
threading.Thread(target=repeat_beacons, args=(REPEATER_PORT,), daemon=True).start()

import epics  # noqa: E402
from epics import ca, dbr  # noqa: E402

epics.ca.AUTO_CLEANUP = False
put_status = threading.local()
writing = threading.Lock()
connection = threading.Condition()
connected: dict[str, bool] = {}
subscriptions: dict[int, Any] = {}


class RefusedError(Exception):
    """The server, or libca, said no; the text is libca's name for the reason."""


def tell(**message: Any) -> None:
    line = json.dumps(message, default=plain)
    with writing:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def plain(value: Any) -> Any:
    """numpy's and ctypes' values as those of JSON."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if hasattr(value, "tolist"):
        return value.tolist()
    return list(value) if hasattr(value, "__iter__") else str(value)


# pyepics drops the status of a put-callback: its own handler is replaced by one that keeps it.


def on_put(args: Any) -> None:
    put_status.code = args.status
    args.usr()


ca._CB_PUTWAIT = dbr.make_callback(on_put, dbr.event_handler_args)  # noqa: SLF001


def on_connection(pvname: str, conn: bool, **_: Any) -> None:
    with connection:
        connected[pvname] = conn
        connection.notify_all()
    tell(connection=pvname, up=conn)


def channel(name: str, timeout: float) -> Any:
    chid = ca.create_channel(name, callback=on_connection)
    wait_connected(name, timeout)
    return chid


def wait_connected(name: str, timeout: float, up: bool = True) -> bool:
    ca.create_channel(name, callback=on_connection)
    ca.flush_io()
    with connection:
        if not connection.wait_for(lambda: connected.get(name, False) is up, timeout):
            raise TimeoutError(f"{name} not {'connected' if up else 'disconnected'} within {timeout:g} s")
    return up


def get(name: str, timeout: float, form: str, count: int | None, as_string: bool) -> Any:
    chid = channel(name, timeout)
    native = ca.field_type(chid)
    if as_string and not (native == dbr.CHAR and ca.element_count(chid) > 1):
        form = "string"
    ftype = {"time": native + 14, "ctrl": native + 28, "string": dbr.STRING, "native": native}[form]
    reply = ca.get_with_metadata(chid, ftype=ftype, count=count, timeout=timeout, as_string=as_string)
    if reply is None:
        raise TimeoutError(f"no answer to a get of {name} within {timeout:g} s")
    return reply


def put(name: str, value: Any, wait: bool, timeout: float) -> None:
    chid = channel(name, timeout)
    ftype = put_type(ca.field_type(chid), ca.element_count(chid), value)
    if not wait:
        ca.put(chid, value, ftype=ftype)
        ca.flush_io()
        return
    done, status = threading.Event(), []

    def completed(**_: Any) -> None:
        status.append(put_status.code)
        done.set()

    ca.put(chid, value, callback=completed, ftype=ftype)
    ca.flush_io()
    if not done.wait(timeout):
        raise TimeoutError(f"put of {value!r} to {name} not completed within {timeout:g} s")
    if status[0] != dbr.ECA_NORMAL:
        raise RefusedError(ca.message(status[0]))


def put_type(native: int, count: int, value: Any) -> int:
    """As caput does: a text for a number or a choice goes as DBR_STRING, for the server to understand."""
    return dbr.STRING if isinstance(value, str) and not (native == dbr.CHAR and count > 1) else native


def monitor(name: str, mask: int, form: str, number: int, timeout: float) -> None:
    chid = channel(name, timeout)

    def event(value: Any, **metadata: Any) -> None:
        metadata.pop("chid", None)
        tell(monitor=number, value=value, **metadata)

    subscriptions[number] = ca.create_subscription(
        chid, use_time=form == "time", use_ctrl=form == "ctrl", mask=mask, callback=event
    )
    ca.flush_io()


def unmonitor(number: int) -> None:
    ca.clear_subscription(subscriptions.pop(number)[2])
    ca.flush_io()


def info(name: str, timeout: float) -> dict[str, Any]:
    chid = channel(name, timeout)
    return {
        "type": dbr.Name(ca.field_type(chid)),
        "count": ca.element_count(chid),
        "host": ca.host_name(chid),
        "read": bool(ca.read_access(chid)),
        "write": bool(ca.write_access(chid)),
    }


def disconnect(name: str) -> None:
    chid = ca.create_channel(name)
    ca.clear_channel(chid)
    ca.flush_io()
    connected.pop(name, None)


ORDERS: dict[str, Callable[..., Any]] = {
    order.__name__: order for order in (get, put, monitor, unmonitor, info, disconnect, wait_connected)
}


def obey(number: int, order: str, arguments: dict[str, Any]) -> None:
    try:
        tell(answer=number, value=ORDERS[order](**arguments))
    except (RefusedError, ca.ChannelAccessGetFailure, ca.CASeverityException) as error:
        tell(answer=number, refused=str(error))
    except TimeoutError as error:
        tell(answer=number, late=str(error))
    except Exception as error:
        tell(answer=number, broken=f"{type(error).__name__}: {error}")


def main() -> None:
    ca.initialize_libca()
    tell(ready=os.getpid())
    with ThreadPoolExecutor(32, initializer=ca.use_initial_context) as pool:
        for line in sys.stdin:
            order = json.loads(line)
            pool.submit(obey, order["number"], order["order"], order["arguments"])
    os._exit(0)


if __name__ == "__main__":
    main()
