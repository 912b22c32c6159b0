"""From Start to the steady state, as a picture for the README: python -m tests.thermal.plot_run draws it.

The IOC's own decisions in a closed loop with the plant, a step per second, sensors with lag and noise.
"""

from dataclasses import dataclass, field
from pathlib import Path

from devsup.sim.tec_plant import Conditions, best
from iocs.thermal.logic.facts import Request
from tests.support.plot import Line, Panel, svg
from tests.thermal.closed_loop import Loop

FILE = Path(__file__).parents[2] / "iocs" / "thermal" / "run.svg"
MINUTES, SHOWN_S = 70, 10
UNSHOWN = ("INITIALIZING", "STARTUP")  # within the first second
CONDITIONS = Conditions(ambient_c=22.0, load_w=8.0)


@dataclass(slots=True)
class Course:
    """What there was every ten seconds, and the transitions, by minute."""

    minute: list[float] = field(default_factory=list)
    cold: list[float] = field(default_factory=list)
    hot: list[float] = field(default_factory=list)
    demand: list[float] = field(default_factory=list)
    entered: dict[float, str] = field(default_factory=dict)


def live() -> Course:
    """From ambient temperature until after the second probe."""
    loop, course = Loop(conditions=CONDITIONS), Course()
    loop.run(3).ask(Request.START)
    began = loop.now
    while (passed_s := loop.now - began) <= 60.0 * MINUTES:
        for event in loop.c.events:
            course.entered[round((event.at - began) / 60.0, 3)] = event.target.name
        if round(passed_s) % SHOWN_S == 0:
            note(course, loop, passed_s)
        loop.tick()
    return course


def note(course: Course, loop: Loop, passed_s: float) -> None:
    at = loop.plant.temperatures
    course.minute.append(round(passed_s / 60.0, 3))
    course.cold.append(round(at.cold_c, 2))
    course.hot.append(round(at.hot_c, 2))
    course.demand.append(round(loop.c.current, 3))


def render(course: Course) -> str:
    """The picture."""
    goal = best(Loop().design, CONDITIONS)
    marks = {at: name for at, name in course.entered.items() if name not in UNSHOWN}
    panels = [
        Panel("degC", [Line("cold plate", course.minute, course.cold)], {"coldest there is": goal.cold_c}),
        Panel("degC", [Line("hot side", course.minute, course.hot)], {"at the best current": goal.hot_c}),
        Panel(
            "A", [Line("current of each", course.minute, course.demand, steps=True)],
            {"best current": goal.current},
        ),
    ]  # fmt: skip
    return svg("From Start to the steady state, 22 degC, 8 W", "minutes", panels, marks)


if __name__ == "__main__":
    FILE.write_text(render(live()), encoding="utf-8")
