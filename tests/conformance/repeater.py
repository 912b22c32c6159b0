"""A CA repeater that lives and dies with its process: libca would start one that stays for ever."""

import socket
import struct
import threading

CONFIRM, REGISTER, BEACON = 17, 24, 13
LOOPBACK = 0x7F000001


def start_repeater(port: int) -> None:
    """Repeats beacons to this process's libca, so that it notices a server's return at once."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", port))
    threading.Thread(target=_repeat, args=(sock,), name="repeater", daemon=True).start()


def _repeat(sock: socket.socket) -> None:
    clients: set[tuple[str, int]] = set()
    while True:
        datagram, sender = sock.recvfrom(4096)
        kind = int.from_bytes(datagram[:2], "big") if datagram else REGISTER
        if kind == REGISTER:
            clients.add(sender)
            sock.sendto(struct.pack(">HHHHII", CONFIRM, 0, 0, 0, 0, LOOPBACK), sender)
        elif kind == BEACON:
            for client in clients:
                sock.sendto(datagram, client)
