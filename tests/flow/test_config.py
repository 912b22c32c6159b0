"""db/flow.yaml: the shipped file reads, and every mistake is reported at once, where it is."""

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from devsup.propar import Framing
from iocs.common.config import ConfigError
from iocs.common.group import merge
from iocs.flow.config import FlowConfig, InstrumentConfig, OnLoss
from iocs.flow.ioc import SUBSYSTEM
from tests.support.processes import ROOT

Read = Callable[[str], FlowConfig]
SHIPPED = ROOT / "db" / "flow.yaml"


@pytest.fixture
def config(tmp_path: Path) -> Read:
    """Reads a text as the file flow.yaml."""

    def from_text(text: str) -> FlowConfig:
        path = tmp_path / "flow.yaml"
        path.write_text(textwrap.dedent(text))
        return SUBSYSTEM.load(path, {})

    return from_text


def mistakes(config: Read, text: str) -> list[str]:
    """`line: key: message` of every problem of a file."""
    with pytest.raises(ConfigError) as caught:
        config(text)
    return [str(problem).partition("flow.yaml:")[2] for problem in caught.value.problems]


def of(config: FlowConfig) -> dict[str, InstrumentConfig]:
    return {node.name: node for line in config.lines for node in line.instruments}


# What is right


def test_the_shipped_file_describes_the_installation_of_the_design_document() -> None:
    shipped = SUBSYSTEM.load(SHIPPED, {})
    (bench1,) = shipped.lines
    assert (bench1.settings.url, bench1.settings.baudrate) == ("/dev/ttyUSB0", 38400)
    assert {node.name: node.node for node in bench1.instruments} == {"N2": 3, "Air": 5, "He": 6}
    assert (bench1.manners.response_timeout_s, bench1.manners.command_timeout_s) == (2.0, 0.4)
    assert bench1.manners.retry_delays_s == (0.1, 0.2, 0.3)
    assert {node.poll_period_s for node in bench1.instruments} == {0.2}
    assert (shipped.on_shutdown, shipped.on_client_loss) == (OnLoss.HOLD, OnLoss.HOLD)


def test_the_line_of_the_shipped_file_can_be_moved_by_a_macro() -> None:
    moved = SUBSYSTEM.load(SHIPPED, {"FLOW_BENCH1": "socket://moxa:4001"})
    assert moved.lines[0].settings.url == "socket://moxa:4001"


def test_defaults_are_those_of_the_design_document(config: Read) -> None:
    least = config("lines: {a: {url: COM3, instruments: {X: {node: 1}}}}")
    (line,) = least.lines
    (x,) = line.instruments
    assert line.framing is Framing.BINARY
    assert (line.settings.baudrate, line.settings.parity, line.settings.stopbits) == (38400, "N", 1)
    assert (x.manners, x.poll_period_s, x.band.tolerance, x.band.settle_s) == (line.manners, 0.2, 0.02, 5.0)
    assert (x.description, x.max_flow, x.unit) == ("", None, "")
    assert (x.simulated.capacity, x.simulated.unit, x.simulated.fluids) == (10.0, "ln/min", ("X",))


def test_an_instrument_takes_what_its_line_has_unless_it_says_otherwise(config: Read) -> None:
    both = of(
        config(
            """
            on_shutdown: zero
            on_client_loss: zero
            client_loss_after: 5
            lines:
              a:
                url: rfc2217://moxa:4001
                framing: ascii
                parity: even
                poll_period: 1
                response_timeout: 1
                command_timeout: 0.3
                instruments:
                  Quick: {node: 1, poll_period: 0.1, command_timeout: 0.1, max_flow: 0, unit: ls/min}
                  Usual: {node: 127, tolerance: 5, settle: 0}
            """
        )
    )
    quick, usual = both["Quick"], both["Usual"]
    assert (quick.poll_period_s, quick.manners.command_timeout_s, quick.max_flow) == (0.1, 0.1, 0.0)
    assert quick.manners.response_timeout_s == usual.manners.response_timeout_s == 1.0
    assert (usual.poll_period_s, usual.manners.command_timeout_s) == (1.0, 0.3)
    assert (usual.band.tolerance, usual.band.settle_s) == (0.05, 0.0)


def test_any_number_of_lines_and_nodes_works(config: Read) -> None:
    lines = "\n".join(
        f"  line{n}:\n    url: socket://moxa:{4000 + n}\n    instruments:\n"
        + "\n".join(f"      M{n}x{node}: {{node: {node}}}" for node in range(1, 31))
        for n in range(4)
    )
    many = config(f"lines:\n{lines}\n")
    assert [len(line.instruments) for line in many.lines] == [30] * 4
    served = merge(SUBSYSTEM.build(many, "P:", False).groups)
    assert {"P:M0x1:Flow", "P:M3x30:Comm:LastError", "P:PORT:line3:Retries"} <= served.keys()


# What is wrong


def test_every_mistake_is_reported_at_once_with_its_line_and_the_allowed_range(config: Read) -> None:
    found = mistakes(
        config,
        """\
        on_shutdown: stop
        client_loss_after: 0
        lines:
          bench1:
            baudrate: 12345
            parity: mark
            poll_periode: 0.2
            response_timeout: 60
            instruments:
              N2:
                node: 128
                tolerance: 0
                simulated: {capacity: 0, fluids: [a, b, c, d, e, f, g, h, i]}
              Air:
                node: three
                description: longer than twenty-eight characters
                max_flow: -1
              2nd: {node: 9}
        """,
    )
    expected = [
        "1: on_shutdown: 'stop' is not valid; expected one of hold, zero",
        "2: client_loss_after: '0' is not valid; expected a number from 1 to 86400 s",
        "4: lines.bench1.url: is missing",
        "5: lines.bench1.baudrate: 12345 is not one of 1200, 2400, 4800, 9600, 19200, 38400",
        "6: lines.bench1.parity: 'mark' is not valid; expected one of none, even, odd",
        "7: lines.bench1.poll_periode: unknown key; did you mean poll_period?",
        "8: lines.bench1.response_timeout: '60' is not valid; expected a number from 0.05 to 30 s",
        "11: lines.bench1.instruments.N2.node: '128' is not valid; expected a whole number from 1 to 127",
        "12: lines.bench1.instruments.N2.tolerance: '0' is not valid; expected a number from 0.1 to 100 %",
        "13: lines.bench1.instruments.N2.simulated.capacity: '0' is not valid",
        "13: lines.bench1.instruments.N2.simulated.fluids: 9 fluids, an instrument holds 8",
        "15: lines.bench1.instruments.Air.node: 'three' is not valid",
        "16: lines.bench1.instruments.Air.description:",
        "17: lines.bench1.instruments.Air.max_flow: '-1' is not valid",
        "18: lines.bench1.instruments.2nd: '2nd' is not valid as a name",
    ]
    unmatched = [text for text in expected if not any(problem.startswith(text) for problem in found)]
    assert unmatched == [], "\n".join(found)


TWO_LINES = """\
    lines:
      a:
        url: {first}
        instruments:
          X: {{node: 1}}
          Y: {{node: {second_node}}}
      b:
        url: {second}
        instruments:
          {name}: {{node: 1}}
    """


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"second": "/dev/ttyUSB0"}, "8: lines.b.url: /dev/ttyUSB0 is already line a: a line has one owner"),
        ({"second_node": 1}, "6: lines.a.instruments.Y.node: 1 is already X on this line"),
        ({"name": "X"}, "10: lines.b.instruments.X.node: the name X is taken by an instrument of line a"),
        ({"name": "PORT"}, "10: lines.b.instruments.PORT.node: the name PORT is taken by the lines"),
        ({"name": "IOC"}, "10: lines.b.instruments.IOC.node: the name IOC is taken by the status"),
        ({"name": "EStop"}, "10: lines.b.instruments.EStop.node: the name EStop is taken by the emergency"),
    ],
)
def test_lines_nodes_and_names_are_given_once(config: Read, change: dict[str, object], problem: str) -> None:
    right = {"first": "/dev/ttyUSB0", "second": "/dev/ttyUSB1", "second_node": 2, "name": "Z"}
    assert len(of(config(TWO_LINES.format(**right)))) == 3
    (found,) = mistakes(config, TWO_LINES.format(**{**right, **change}))
    assert found.startswith(problem)


def test_the_same_node_on_two_lines_is_fine(config: Read) -> None:
    right = {"first": "COM3", "second": "COM4", "second_node": 2, "name": "Z"}
    assert [node.node for node in of(config(TWO_LINES.format(**right))).values()] == [1, 2, 1]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1: lines: is missing"),
        ("lines: {}", "1: lines: holds 0; expected at least 1"),
        ("lines: {a: {url: COM3, instruments: {}}}", "1: lines.a.instruments: holds 0; expected at least 1"),
        ("lines: {a: {url: two words, instruments: {X: {node: 1}}}}", "1: lines.a.url: 'two words'"),
        ("lines: {a: {url: $(NOWHERE), instruments: {X: {node: 1}}}}", "1: lines.a.url: macro $(NOWHERE)"),
    ],
)
def test_a_file_without_substance_is_refused(config: Read, text: str, problem: str) -> None:
    assert [item for item in mistakes(config, text) if item.startswith(problem)]
