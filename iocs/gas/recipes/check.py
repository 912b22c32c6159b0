"""May this recipe run? Every step against the limits before the first one begins. Pure."""

from collections.abc import Iterator

from iocs.gas.logic.approval import Plant, above_its_limits, exceeds, share, share_reason
from iocs.gas.recipes.recipe import Recipe, Step


def refuse_now(recipe: Recipe, plant: Plant) -> str:
    """Why it may not start now; empty when it may. That it will own the flows is not held against it."""
    why_not = plant.held or plant.blocked or _troubles(recipe, plant)
    if not why_not and all(gas.highest == 0.0 for gas in plant.gases) and recipe.gases:
        why_not = plant.closed
    return why_not or refuse_ever(recipe, plant)


def refuse_ever(recipe: Recipe, plant: Plant) -> str:
    """The first step that breaks a limit, and which; empty when none does."""
    known = {gas.name for gas in plant.gases}
    for number, step in enumerate(recipe.steps, 1):
        for reason in _refusals(step, plant, known):
            return f"step {number} {step.name}: {reason}"
    return ""


def _troubles(recipe: Recipe, plant: Plant) -> str:
    """What ails a gas that the recipe needs."""
    return next((gas.trouble for gas in plant.gases if gas.trouble and gas.name in recipe.gases), "")


def _refusals(step: Step, plant: Plant, known: set[str]) -> Iterator[str]:
    limits = plant.limits
    for unknown in (name for name in step.flows if name not in known):
        yield f"there is no {unknown} here"
        return
    for gas in plant.gases:
        if reason := above_its_limits(gas, step.flow(gas.name), limits):
            yield reason
    total = sum(step.flows.values())
    if exceeds(total, limits.total):
        yield f"total would be {total:.4g} sccm, limit {limits.total:g} sccm"
    percent = share((gas, step.flow(gas.name)) for gas in plant.gases)
    if reason := share_reason(plant.gases, percent, limits):
        yield reason
