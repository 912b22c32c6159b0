"""EPICS base's own access security library, asked through ctypes: a process that answers JSON lines.

One question a line: {"acf": text, "macros": "P=X:", "inputs": {pv: number or null}, "clients": [[asg, level,
user, host], …]}. The answer: [[access, trap], …], or null if base rejects the file. Expressions alone:
{"calc": text, "numbers": [21 numbers]} -> a number, or null if base rejects it.
"""

import ctypes
import json
import math
import sys
import tempfile
from pathlib import Path
from typing import Any

import epicscorelibs.path

LEVELS = 21


class Node(ctypes.Structure):
    _fields_ = [("next", ctypes.c_void_p), ("previous", ctypes.c_void_p)]


class List(ctypes.Structure):
    _fields_ = [("node", Node), ("count", ctypes.c_int)]


class Base(ctypes.Structure):
    _fields_ = [("users", List), ("hosts", List), ("groups", List)]


class Group(ctypes.Structure):
    _fields_ = [
        ("node", Node),
        ("name", ctypes.c_char_p),
        ("inputs", List),
        ("rules", List),
        ("members", List),
        ("values", ctypes.POINTER(ctypes.c_double)),
        ("bad", ctypes.c_ulong),
        ("changed", ctypes.c_ulong),
    ]


class Input(ctypes.Structure):
    _fields_ = [
        ("node", Node),
        ("pv", ctypes.c_char_p),
        ("channel", ctypes.c_void_p),
        ("group", ctypes.c_void_p),
        ("index", ctypes.c_int),
    ]


class Client(ctypes.Structure):
    _fields_ = [
        ("node", Node),
        ("member", ctypes.c_void_p),
        ("user", ctypes.c_char_p),
        ("host", ctypes.c_char_p),
        ("private", ctypes.c_void_p),
        ("callback", ctypes.c_void_p),
        ("level", ctypes.c_int),
        ("access", ctypes.c_int),
        ("trap", ctypes.c_int),
    ]


def library() -> ctypes.CDLL:
    return ctypes.CDLL(str(min(Path(epicscorelibs.path.lib_path).glob("libCom.so*"))))


LIB = library()


def rights(acf: str, macros: str, inputs: dict[str, float | None], clients: list[Any]) -> Any:
    with tempfile.NamedTemporaryFile("w", suffix=".acf") as file:  # base expands macros in files only
        file.write(acf)
        file.flush()
        if LIB.asInitFile(file.name.encode(), macros.encode()):
            return None
    set_inputs(inputs)
    found, kept = [], []
    for group, level, user, host in clients:
        member, client = ctypes.c_void_p(), ctypes.c_void_p()
        texts = group.encode(), user.encode(), ctypes.create_string_buffer(host.encode())
        assert LIB.asAddMember(ctypes.byref(member), texts[0]) == 0
        assert LIB.asAddClient(ctypes.byref(client), member, level, texts[1], texts[2]) == 0
        state = Client.from_address(client.value)
        found.append([state.access, state.trap])
        kept.append((texts, member, client))
    for _, member, client in kept:
        LIB.asRemoveClient(ctypes.byref(client))
        LIB.asRemoveMember(ctypes.byref(member))
    return found


def set_inputs(inputs: dict[str, float | None]) -> None:
    """What base's own Channel Access client would have put there; None is a bad input."""
    base = Base.from_address(ctypes.c_void_p.in_dll(LIB, "pasbase").value)
    at = base.groups.node.next
    while at:
        group = Group.from_address(at)
        one = group.inputs.node.next
        while one:
            item = Input.from_address(one)
            value = inputs.get(item.pv.decode())
            if value is None:
                group.bad |= 1 << item.index
            else:
                group.bad &= ~(1 << item.index)
                group.values[item.index] = value
            group.changed |= 1 << item.index
            one = item.node.next
        at = group.node.next
    LIB.asComputeAllAsg()


def calculate(text: str, numbers: list[float]) -> float | None:
    postfix, error, result = ctypes.create_string_buffer(4000), ctypes.c_short(), ctypes.c_double()
    if LIB.postfix(text.encode(), postfix, ctypes.byref(error)):
        return None
    arguments = (ctypes.c_double * LEVELS)(*numbers)
    LIB.calcPerform(arguments, ctypes.byref(result), postfix)
    return result.value if math.isfinite(result.value) else str(result.value)  # type: ignore[return-value]


if __name__ == "__main__":
    for line in sys.stdin:
        question = json.loads(line)
        if "calc" in question:
            answer: Any = calculate(question["calc"], question["numbers"])
        else:
            answer = rights(**question)
        print(json.dumps(answer), flush=True)
