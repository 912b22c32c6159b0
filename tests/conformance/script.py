"""One libca session, step by step, and the transcript of everything that was answered.

Every step ends with a put to the Marker record: when its event has arrived, all events of the step have. A
transcript maps "step | what" to the answer, so that two of them can be compared line by line. Time stamps
become a word: are they there, do they run on, do they move with value and alarm (Script._age).
"""

from collections.abc import Callable, Iterable
from typing import Any

from tests.conformance import dbr
from tests.conformance.client import LibCa, Message

Transcript = dict[str, Any]
NORMAL = "Normal successful completion"
ABSENT_S = 1.0
"""How long a name is searched that may be nobody's; those that are there answer within 0.1 s."""


class Script:
    """What a scenario writes its operations with. Names are without the prefix."""

    def __init__(self, client: LibCa, prefix: str) -> None:
        self.client = client
        self.prefix = prefix
        self.transcript: Transcript = {}
        self._channels: dict[str, int] = {}
        self._monitors: dict[int, tuple[str, str]] = {}
        self._stamps: dict[str, tuple[tuple[int, int], dbr.Answer]] = {}
        self._times: dict[str, int] = {}
        self._watch: set[str] = set()
        self._marks = 0
        self._marker = 0

    # Channels

    def channel(self, name: str) -> int:
        """A connected channel. Fails if the server does not have it."""
        assert self.connect([name]) == [name], f"{self.prefix}{name} does not connect"
        return self._channels[name]

    def connect(self, names: Iterable[str], deadline_s: float | None = None) -> list[str]:
        """Those of the names that connect."""
        names = list(names)
        for name in names:
            if name not in self._channels:
                self._channels[name] = self.client.new_id()
                self.client.ask("create", channel=self._channels[name], name=self.prefix + name)
        wanted = {self._channels[name] for name in names}
        arguments = () if deadline_s is None else (deadline_s,)
        self.client.wait_for(lambda news: wanted <= self._connected(news), *arguments)
        there = self._connected(self.client.news)
        return [name for name in names if self._channels[name] in there]

    def _connected(self, news: list[Message]) -> set[int]:
        for message in news:
            if "up" in message:
                (self._up.add if message["up"] else self._up.discard)(message["channel"])
        return self._up

    @property
    def _up(self) -> set[int]:
        return self.__dict__.setdefault("_up_channels", set())

    def number(self, name: str) -> int:
        """The channel's number in the news, connected or not."""
        return self._channels[name]

    def watch(self, name: str) -> None:
        """Write down what is heard of this channel's connection and access rights."""
        self.channel(name)
        self._watch.add(name)

    def info(self, name: str) -> None:
        """Native type, count and access rights."""
        answer = self.client.ask("info", channel=self.channel(name))
        self._note(f"info {name}", "", answer)

    def infos(self, names: Iterable[str], deadline_s: float | None = None) -> list[str]:
        """The same of many; those that are not there are noted as absent. Gives those that are."""
        names = list(names)
        there = self.connect(names, deadline_s)
        for name in names:
            if name in there:
                self.info(name)
            else:
                self._note(f"info {name}", "exists", False)
        return there

    # Values

    def get(self, name: str, kind: str | None = None, count: int = 1) -> None:
        """A value as some DBR type, TIME and native if none is given. A count of 0 takes what there is."""
        self.gets([(name, kind, count)])

    def gets(self, what: Iterable[tuple[str, str | None, int]]) -> None:
        """Many gets, all under way at once."""
        orders = []
        for name, kind, count in what:
            channel = self.channel(name)
            full = kind or "TIME_" + self.client.ask("info", channel=channel)["type"]
            order = self.client.order("get", channel=channel, kind=full, count=count)
            orders.append((name, kind, count, order))
        for name, kind, count, order in orders:
            label = f"get {name}" + (f" {kind}" if kind else "") + (f" [{count}]" if count != 1 else "")
            self._note(label, "", self._decoded(label, order.result(20.0)))

    def put(
        self, name: str, value: Any, kind: str | None = None, *, wait: bool = True, label: str = ""
    ) -> None:
        """A put-callback, or a plain put; its status, and all that the monitors then say."""
        kind = kind or self._kind_for(name, value)
        status = self._put(name, kind, value, wait)
        self._step(label or _put_label(name, value, kind, wait), {"status": status})

    def try_put(
        self,
        name: str,
        value: Any,
        kind: str | None = None,
        *,
        start: Any = None,
        wait: bool = True,
        count: int = 1,
        label: str = "",
    ) -> None:
        """A put, from a known value if `start` is given, and what the record says afterwards."""
        kind = kind or self._kind_for(name, value)
        if start is not None:
            self._put(name, self._kind_for(name, start), start, True)
        self._read(name, count)
        status = self._put(name, kind, value, wait)
        self._mark()
        after = {f"then {key}": told for key, told in self._read(name, count).items()}
        self._step(label or _put_label(name, value, kind, wait), {"status": status, **after})

    def _put(self, name: str, kind: str, value: Any, wait: bool) -> str:
        count, data = dbr.encode(kind, value)
        order = "put_callback" if wait else "put"
        channel = self.channel(name)
        answer = self.client.ask(order, channel=channel, kind=kind, count=count, data=data.hex())
        status: str = answer["status"] if isinstance(answer, dict) else answer
        return status

    def _kind_for(self, name: str, value: Any) -> str:
        """As caput does it: text as text, numbers as the channel's own type."""
        if isinstance(value, str):
            return "STRING"
        kind: str = self.client.ask("info", channel=self.channel(name))["type"]
        return kind

    def _read(self, name: str, count: int) -> dbr.Answer:
        channel = self.channel(name)
        kind = "TIME_" + self.client.ask("info", channel=channel)["type"]
        answer = self.client.ask("get", channel=channel, kind=kind, count=count)
        text = self.client.ask("get", channel=channel, kind="STRING", count=1)
        told: dbr.Answer = self._decoded(f"read {name}", answer)
        return {**told, "text": self._decoded(name, text).get("value")}

    # Monitors

    def monitor(self, name: str, *masks: str, kind: str | None = None, count: int = 1) -> None:
        """A subscription for each mask; what arrives first is a step of its own."""
        channel = self.channel(name)
        full = kind or "TIME_" + self.client.ask("info", channel=channel)["type"]
        for mask in masks:
            number = self.client.new_id()
            self._monitors[number] = (name, mask)
            bits = sum(dbr.MASKS[letter] for letter in mask)
            arguments = {"channel": channel, "kind": full, "count": count, "mask": bits}
            self.client.ask("subscribe", subscription=number, **arguments)
        self._step(f"monitor {name}" + (f" {kind}" if kind else ""), {})

    def unmonitor(self, name: str) -> None:
        """End of all subscriptions to a name."""
        numbers = [n for n, (one, _) in self._monitors.items() if one == name]
        for number in numbers:
            self.client.ask("unsubscribe", subscription=number)
        self._step(f"unmonitor {name}", {})
        for number in numbers:
            del self._monitors[number]

    # The transcript

    def step(self, label: str, action: Callable[[], Any] = lambda: None) -> None:
        """Anything else, and all that is heard of it."""
        self._step(label, {"result": action()})

    def note(self, label: str, answer: Any) -> None:
        """A line of its own."""
        self._note(label, "", answer)

    def _step(self, label: str, answers: dict[str, Any]) -> None:
        self._mark()
        news = self.client.take_news()
        self._connected(news)
        for what, answer in {**answers, **self._heard(news)}.items():
            self._note(label, what, answer, last=False)
        self._times[label] = self._times.get(label, 0) + 1

    def _heard(self, news: list[Message]) -> dict[str, list[Any]]:
        heard: dict[str, list[Any]] = {}
        names = {self._channels[name]: name for name in self._watch}
        for message in news:
            if message.get("event") in self._monitors:
                name, mask = self._monitors[message["event"]]
                where = f"events {name} {mask}"
                heard.setdefault(where, []).append(self._decoded(where, message["value"]))
            elif "exception" in message:
                heard.setdefault("exceptions", []).append(message["exception"])
            elif message.get("channel") in names:
                what = {k: v for k, v in message.items() if k != "channel"}
                heard.setdefault(f"heard of {names[message['channel']]}", []).append(what)
        return heard

    def _mark(self) -> None:
        if not self._marker:
            self._marker = self.client.new_id()
            channel = self.channel("Marker")
            arguments = {"channel": channel, "kind": "LONG", "count": 1, "mask": dbr.MASKS["V"]}
            self.client.ask("subscribe", subscription=self._marker, **arguments)
        self._marks += 1
        count, data = dbr.encode("LONG", self._marks)
        order = {"channel": self._channels["Marker"], "kind": "LONG", "count": count, "data": data.hex()}
        assert self.client.ask("put", **order) == NORMAL
        expected = data.hex()
        arrived = self.client.wait_for(lambda news: any(self._is_mark(m, expected) for m in news))
        assert arrived, f"{self.prefix}: no event of the marker"

    def _is_mark(self, message: Message, data: str) -> bool:
        return message.get("event") == self._marker and message["value"]["data"] == data

    def _decoded(self, where: str, answer: Any) -> Any:
        if not isinstance(answer, dict):
            return {"status of the get": answer}
        if answer["data"] is None or answer["status"] != NORMAL:
            return {"status of the get": answer["status"]}
        told = dbr.decode(answer["type"], answer["count"], bytes.fromhex(answer["data"]))
        if "stamp" in told:
            told["stamp"] = self._age(where, told)
        return {**told, "count": answer["count"]} if answer["count"] != 1 else told

    def _age(self, where: str, told: dbr.Answer) -> str:
        """What there is to say of a time stamp: "undefined", "set", "earlier" than before, or "unmoved" while
        the record's value or alarm moved. (Base processes a record whose field is written, ours does not.)
        """
        stamp, content = told["stamp"], {**told, "stamp": None}
        before, previous = self._stamps.get(where, ((0, 0), content))
        self._stamps[where] = stamp, content
        if stamp[0] == 0:
            return "undefined"
        if stamp < before:
            return "earlier"
        moved = repr(content) != repr(previous) and "." not in where
        return "unmoved" if moved and stamp == before else "set"

    def _note(self, label: str, what: str, answer: Any, last: bool = True) -> None:
        times = self._times.get(label, 0)
        where = label if not times else f"{label} #{times + 1}"
        for path, value in _flat(f"{where} | {what}" if what else where, answer):
            self.transcript[path] = value
        if last:
            self._times[label] = times + 1

    def close(self) -> None:
        """Gives back every subscription and channel."""
        for number in [*self._monitors, *([self._marker] if self._marker else [])]:
            self.client.ask("unsubscribe", subscription=number)
        for channel in self._channels.values():
            self.client.ask("clear", channel=channel)
        self.client.take_news()


def _flat(path: str, answer: Any) -> Iterable[tuple[str, Any]]:
    """A dict becomes a line for each of its keys; events stay together."""
    if not isinstance(answer, dict):
        return [(path, answer)]
    joint = " " if " | " in path else " | "
    return [(f"{path}{joint}{key}", value) for key, value in answer.items()]


def _put_label(name: str, value: Any, kind: str, wait: bool) -> str:
    shown = repr(value) if len(repr(value)) < 30 else f"of {len(value)}"
    return f"{'put' if wait else 'plain put'} {name} {kind} {shown}"


def differences(base: Transcript, ours: Transcript) -> dict[str, tuple[Any, Any]]:
    """Where two transcripts say something else: path to (base, ours)."""
    nothing = "nothing"
    paths = [*base, *(path for path in ours if path not in base)]
    pairs = {path: (base.get(path, nothing), ours.get(path, nothing)) for path in paths}
    return {path: pair for path, pair in pairs.items() if repr(pair[0]) != repr(pair[1])}
