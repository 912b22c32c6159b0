"""The short cut past a circuit's task overtakes nothing."""

from iocs.caserver.eager import EagerReader


async def test_nothing_is_offered_while_something_is_unread() -> None:
    reader, offered = EagerReader(), list[bytes]()

    def take_gets(data: bytes) -> bool:
        offered.append(data)
        return data.startswith(b"get")

    reader.offer = take_gets
    reader.feed_data(b"get 1")
    reader.feed_data(b"odd")
    reader.feed_data(b"get 2")
    assert offered == [b"get 1", b"odd"]
    assert await reader.read(4) == b"oddg"
    reader.feed_data(b"get 3")
    assert await reader.read(100) == b"et 2get 3"
    reader.feed_data(b"get 4")
    assert offered == [b"get 1", b"odd", b"get 4"]
    reader.feed_eof()
    assert await reader.read(100) == b""
