"""Recipes behind their PVs: selected, started, carried out step by step, and put on record.

Thin: recipes/machine.py decides, flows.py carries out. One recipe at a time; none goes on by itself
after a restart.
"""

import asyncio
import contextlib
import logging
import time
from pathlib import Path
from typing import Any

from iocs.caserver import Refused
from iocs.common.config import ConfigError
from iocs.common.interlock import Sample
from iocs.common.memory import Memory
from iocs.common.ticks import Ticks
from iocs.gas.chamber import Chamber
from iocs.gas.config import QUANTITIES
from iocs.gas.pvs import RECIPE_STATES, RecipePVs
from iocs.gas.recipes import machine
from iocs.gas.recipes.check import refuse_now
from iocs.gas.recipes.machine import Order, Run, Seen, State
from iocs.gas.recipes.recipe import Recipe
from iocs.gas.recipes.store import Store
from iocs.gas.runrecord import RunRecord

PERIOD_S = 0.1
STOP_S = 2.0  # for the safe state when the IOC ends; six more are for its zeros


class Cook(RecipePVs):
    """Carries out recipes on a chamber. `records`: folder for a line of JSON per run, one file a day."""

    def __init__(
        self, prefix: str, chamber: Chamber, store: Store, records: Path | None, memory: Memory
    ) -> None:
        super().__init__(f"{prefix}Recipe:")
        self.chamber = chamber
        self.store = store
        self._flows = chamber.flows
        self._run = Run()
        self._applying: asyncio.Task[str] | None = None
        self._failure = ""
        self._record = RunRecord(records, memory)
        self._log = logging.getLogger("gas.recipe")
        chamber.recipe_fails = self.fail  # type: ignore[method-assign]
        self._flows.zeroed = self._zeroed_by_hand

    # -- what operators do --------------------------------------------------------------------

    async def put_select(self, name: str) -> None:
        if name and name not in self.store.recipes:
            raise Refused(f"there is no recipe {name}")
        self.description.set_ok(self.store.recipes[name].description if name else "")
        self._show_dry_run(name)

    async def put_start(self, value: int) -> None:
        if self._run.state.is_active:
            raise Refused(f"{self.running.value} is running: Abort first")
        recipe = self._selected()
        self._show_state(State.CHECKING)
        if reason := refuse_now(recipe, self._flows.plant(for_recipe=True)):
            self._show_state(State.IDLE)
            self.message.set_ok(f"not started: {reason}"[:199])
            raise Refused(reason)
        self._failure = ""
        self._flows.owner = f"recipe {recipe.name} is running: Recipe:Abort first"
        present = {gas.name: gas.highest for gas in self._flows.gases}
        self._take(machine.started(recipe, present, time.monotonic()))
        self._record.begin(recipe)

    async def put_pause(self, value: int) -> None:
        self._active()
        self._take(machine.paused(self._run, "by the operator"))

    async def put_resume(self, value: int) -> None:
        if self._run.state is not State.PAUSED:
            raise Refused("no recipe is paused")
        self._take(machine.resumed(self._run, time.monotonic()))

    async def put_skip(self, value: int) -> None:
        self._active()
        self._take(machine.skipped(self._run, time.monotonic()))

    async def put_abort(self, value: int) -> None:
        self._active()
        self._end(State.ABORTED, "by the operator")
        if problem := await self._applied():
            raise Refused(problem)

    async def put_reload(self, value: int) -> None:
        await asyncio.to_thread(self.store.reload)
        self._show_names()
        if self.store.problems:
            raise Refused("; ".join(self.store.problems))

    async def put_definition(self, text: str) -> None:
        try:
            recipe = await asyncio.to_thread(self.store.define, text)
        except (ConfigError, OSError) as error:
            raise Refused(str(error)) from error
        self._show_names()
        self.message.set_ok(f"recipe {recipe.name} is kept")

    async def put_delete(self, name: str) -> str:
        if name not in self.store.recipes:
            raise Refused(f"there is no recipe {name}")
        try:
            await asyncio.to_thread(self.store.delete, name)
        except OSError as error:
            raise Refused(str(error)) from error
        self._show_names()
        return ""

    def written(self, record: Any, old: Any, new: Any, user: str, host: str) -> None:
        if record is self.start:
            self._record.started_by(f"{user}@{host}")
        super().written(record, old, new, user, host)

    def _selected(self) -> Recipe:
        if self.select.value not in self.store.recipes:
            raise Refused("select a recipe first")
        return self.store.recipes[self.select.value]

    def _active(self) -> None:
        if not self._run.state.is_active:
            raise Refused("no recipe is running")

    # -- for the chamber ----------------------------------------------------------------------

    def fail(self, reason: str, zeroed: bool) -> None:
        """A trip, an emergency stop: whatever runs, ends in its safe state, unless all is zeroed anyway."""
        if not self._run.state.is_active:
            return
        if not zeroed:
            self._end(State.FAILED, reason)
            return
        self._cancel()
        run, _ = machine.ended(self._run, State.FAILED, reason)
        self._take(run)

    def _zeroed_by_hand(self, names: str) -> None:
        if self._run.state.is_active:
            self._cancel()
            self._take(machine.paused(self._run, f"{names} zeroed by hand"))

    async def close(self) -> None:
        """The IOC ends: what runs, ends in its safe state."""
        if self._run.state.is_active:
            self._end(State.ABORTED, "the IOC stops")
            with contextlib.suppress(TimeoutError):  # the zeros of the shutdown follow in any case
                async with asyncio.timeout(STOP_S):
                    await self._applied()

    # -- while it runs ------------------------------------------------------------------------

    def begin(self) -> None:
        """Read the recipes; nothing runs."""
        self.store.reload()
        for problem in self.store.problems:
            self._log.error("recipe left out: %s", problem)
        self._show_names()
        self._show_state(State.IDLE)
        interrupted = self._record.recover()
        if interrupted:
            self._log.warning("%s", interrupted)
        problems = "; ".join(self.store.problems)
        self.message.set_ok((interrupted or problems or "no recipe has run since the start")[:199])

    async def run(self) -> None:
        """Look at the run, and carry out what it orders, for ever."""
        ticks = Ticks(PERIOD_S)
        beat = 0
        while True:
            await ticks.next()
            beat += 1
            if self._run.state.is_active:
                run, order = machine.step(self._run, self._facts(), time.monotonic())
                self._take(run)
                if order:
                    self._apply(order)
            elif not beat % 10:
                self._show_dry_run(self.select.value)

    def _facts(self) -> Seen:
        applied = self._applying is None or self._applying.done()
        if applied and self._applying is not None and not self._applying.cancelled():
            self._failure = self._applying.result()
        channels = self._flows.channels.values()
        now = time.monotonic()
        return Seen(
            forbidden=self.chamber.held(),
            blocked=self.chamber.blocked(),
            applied=applied,
            failure=self._failure,
            flows={channel.name: channel.flow.value for channel in channels if channel.sees},
            full_scales={gas.name: gas.full_scale for gas in self._flows.gases},
            quantities={name: _quantity(name, self.chamber.quantity(name, now)) for name in QUANTITIES},
        )

    def _apply(self, order: Order) -> None:
        self._cancel()
        self._applying = asyncio.create_task(self._carry_out(order), name="recipe flows")

    async def _carry_out(self, order: Order) -> str:
        if order.safe and not any(order.flows.values()):
            return await self._flows.zero_all("Recipe ended")
        target = {name: order.flows.get(name, 0.0) for name in self._flows.channels}
        problem = await self._flows.change_to(target)
        if problem and order.safe:
            return await self._flows.zero_all(f"Recipe ended, but: {problem}")
        return problem

    async def _applied(self) -> str:
        return await self._applying if self._applying else ""

    def _cancel(self) -> None:
        if self._applying is not None and not self._applying.done():
            self._applying.cancel()
        self._applying = None

    def _end(self, state: State, why: str) -> None:
        run, order = machine.ended(self._run, state, why)
        self._take(run)
        if order:
            self._apply(order)

    # -- showing and telling --------------------------------------------------------------------

    def _take(self, run: Run) -> None:
        """The run stands here now."""
        before, self._run = self._run, run
        if run.step and (run.index, run.recipe) != (before.index, before.recipe):
            self._record.step(run.step.name)
        if before.state.is_active and not run.state.is_active:
            self._flows.owner = ""
            self._record.end(run)
        if run.message != before.message:
            self._log.info("%s", run.message)
        self._show(run)

    def _show(self, run: Run) -> None:
        self._show_state(run.state)
        if run.recipe is None or run.step is None:
            return
        self.running.set_ok(run.recipe.name[:39])
        self.step.set_ok(run.index + 1)
        self.steps.set_ok(len(run.recipe.steps))
        self.step_name.set_ok(run.step.name[:39])
        self.step_progress.set_ok(100.0 * run.step_progress)
        self.progress.set_ok(100.0 * run.progress)
        active = run.state.is_active
        self.step_remaining.set_ok(run.step.duration_s - run.clock_s if active else 0.0)
        self.remaining.set_ok(run.remaining_s)
        self.message.set_ok(run.message[:199])

    def _show_state(self, state: State) -> None:
        self.state.set_ok(RECIPE_STATES.index(state.value))

    def _show_names(self) -> None:
        self.names.set_ok(tuple(name[:39] for name in self.store.recipes))
        if self.select.value not in self.store.recipes:
            self.select.set_ok("")

    def _show_dry_run(self, name: str) -> None:
        recipe = self.store.recipes.get(name)
        if recipe is None:
            self.dry_run.set_ok("no recipe is selected")
            return
        why_not = refuse_now(recipe, self._flows.plant())
        self.dry_run.set_ok((f"no: {why_not}" if why_not else "yes")[:199])


def _quantity(name: str, sample: Sample) -> machine.Quantity:
    return machine.Quantity(sample.number, sample.word, QUANTITIES[name].unit, sample.problem)
