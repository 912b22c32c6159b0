"""Every record read as every DBR type, before and after it has a value: the same meaning on both servers."""

from typing import Any

import pytest

from iocs.caserver import dbr
from tests.caserver.base.conftest import PREFIX, Pair, Side
from tests.caserver.base.differences import PAYLOADS
from tests.caserver.base.payload import meaning

pytestmark = pytest.mark.timeout(60)

RECORDS = ("Ao", "Ai", "AiDrive", "Long", "Bo", "Mbbo", "Text", "Long:Text", "Wave")
VALUES = {
    "Ao": "85.5", "AiDrive": "7.25", "Long": "12", "Bo": "On", "Mbbo": "Fault",
    "Text": "words", "Long:Text": "77", "Wave": "1.5",
}  # fmt: skip
TYPES = [t for t in range(39) if t not in (dbr.PUT_ACKT, dbr.PUT_ACKS)]
FIELDS = ("HIHI", "HHSV", "PREC", "EGU", "DESC", "STAT", "SEVR", "NAME", "RTYP")


def answers(side: Side, names: tuple[str, ...]) -> dict[tuple[str, int, int], Any]:
    found = {}
    with side.raw() as client:
        for name in names:
            sid = client.connect(PREFIX + name)
            for dbr_type in TYPES:
                for count in (0, 1):
                    client.send(15, dbr_type, count, sid, 1)
                    answer = client.expect(15)
                    told = meaning(dbr_type, answer.count, answer.payload) if answer.first == 1 else None
                    found[name, dbr_type, count] = (answer.first, told)
    return found


def unexplained(base: dict[Any, Any], ours: dict[Any, Any]) -> list[str]:
    return [
        f"{key}: base {base[key]}, ours {ours[key]}"
        for key in base
        if base[key] != ours[key] and not any(key[0] == n and key[1] in types for n, types, _ in PAYLOADS)
    ]


def put(side: Side, name: str, text: str) -> None:
    with side.raw() as client:
        sid = client.connect(PREFIX + name)
        client.send(19, dbr.Native.STRING, 1, sid, 1, text.encode().ljust(40, b"\0"))
        assert client.expect(19).first == 1


def test_undefined_records_read_alike(pair: Pair) -> None:
    assert unexplained(*(answers(side, RECORDS) for side in pair)) == []


def test_records_with_values_read_alike(pair: Pair) -> None:
    for side in pair:
        for name, text in VALUES.items():
            put(side, name, text)
    assert unexplained(*(answers(side, RECORDS) for side in pair)) == []


def test_fields_read_alike_as_every_type(pair: Pair) -> None:
    for side in pair:
        put(side, "Ao", "85.5")
    names = tuple(f"Ao.{f}" for f in FIELDS)
    assert unexplained(*(answers(side, names) for side in pair)) == []


@pytest.mark.parametrize("name", ["Text.VAL$", "Long:Text.VAL$", "Ao.DESC$", "Ao.NAME$", "Ao.EGU$"])
def test_long_strings_read_alike_up_to_their_nul(pair: Pair, name: str) -> None:
    told = []
    for side in pair:
        for record, text in (("Text", "words"), ("Long:Text", "many words")):
            put(side, record, text)
        with side.raw() as client:
            sid = client.connect(PREFIX + name)
            client.send(15, dbr.Native.CHAR, 0, sid, 1)
            told.append(client.expect(15).payload.partition(b"\0")[0])
    assert told[0] == told[1] != b""
