"""May this flow be set? Tables of plants, orders and reasons; in which order flows change."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iocs.gas.logic import setpoints
from iocs.gas.logic.approval import Change, Gas, Limits, Plant, approve, exceeds, is_rich, share, worst_share
from iocs.gas.logic.measured import Seen, largest_flow, oxygen_share, total_flow
from iocs.gas.logic.order import to_zero, transition
from iocs.gas.logic.pressure import Chamber, closed, observe
from iocs.gas.logic.setpoints import Account

NAN = math.nan


def gas(name: str, flow: float = 0.0, **changes: object) -> Gas:
    scale = {"Ar": 200.0, "O2": 100.0, "N2": 150.0}[name]
    made = Gas(name, flow, flow, scale, scale, float(name == "O2"))
    return replace(made, **changes)  # type: ignore[arg-type]


def plant(ar: float = 0.0, o2: float = 0.0, n2: float = 0.0, **changes: object) -> Plant:
    made = Plant((gas("Ar", ar), gas("O2", o2), gas("N2", n2)), Limits())
    return replace(made, **changes)  # type: ignore[arg-type]


def refusal(name: str, flow: float, at: Plant) -> str:
    answer = approve(name, flow, at)
    assert answer.granted is (answer.reason == "")
    return answer.reason


# Refused, and why


@pytest.mark.parametrize(
    ("at", "name", "flow", "reason"),
    [
        (plant(), "Ar", 50, ""),
        (plant(), "Ar", 200, ""),
        (plant(), "Ar", 1000, "Ar 1000 sccm is above 200 sccm (Ar:MaxFlow)"),
        (plant(), "Ar", NAN, "Ar nan sccm is not a flow"),
        (plant(), "Ar", -1, "Ar -1 sccm is not a flow"),
        (plant(), "O2", 10, "O2 would be 100 % of total, limit 30 %"),
        (plant(ar=50), "O2", 30, "O2 would be 37.5 % of total, limit 30 %"),
        (plant(ar=70), "O2", 30, ""),
        (plant(ar=70), "O2", 30.1, "O2 would be 30.1 % of total, limit 30 %"),
        (plant(ar=70, o2=30), "Ar", 60, "O2 would be 33.3 % of total, limit 30 %"),
        (plant(ar=70, o2=30), "Ar", 80, ""),
        (plant(ar=70, o2=30, n2=50), "Ar", 20, ""),
        (plant(ar=200, n2=150), "O2", 60, "total would be 410 sccm, limit 400 sccm"),
        (plant(ar=200, n2=150), "O2", 50, ""),
        (plant(held="emergency stop is active"), "Ar", 1, "emergency stop is active"),
        (plant(ar=50, held="emergency stop is active"), "Ar", 1, "emergency stop is active"),
        (plant(owner="recipe P sets the flows"), "Ar", 1, "recipe P sets the flows"),
        (plant(blocked="Door: Open, must be Closed"), "Ar", 1, "Door: Open, must be Closed"),
        (plant(ar=50, blocked="Door: Open, must be Closed"), "Ar", 51, "Door: Open, must be Closed"),
        (plant(ar=50, blocked="Door: Open, must be Closed"), "Ar", 49, ""),
        (plant(closed="pump first"), "Ar", 1, "pump first"),
        (plant(ar=1, closed="pump first"), "N2", 1, ""),
    ],
)  # fmt: skip
def test_a_setpoint_is_refused_with_its_reason(at: Plant, name: str, flow: float, reason: str) -> None:
    assert refusal(name, flow, at) == reason


@pytest.mark.parametrize(
    ("changes", "flow", "reason"),
    [
        ({"max_flow": 100.0}, 150, "Ar 150 sccm is above 100 sccm (Ar:MaxFlow)"),
        ({"max_flow": 500.0, "full_scale": 500.0}, 300, "Ar 300 sccm is above 200 sccm (MaxIndividualFlow)"),
        ({"full_scale": 20.0}, 30, "Ar 30 sccm is above 20 sccm (full scale of Ar)"),
        ({"full_scale": NAN}, 30, "Ar: its full scale is not known"),
        ({"trouble": "Ar does not answer"}, 30, "Ar does not answer"),
    ],
)
def test_the_limits_of_one_gas(changes: dict[str, object], flow: float, reason: str) -> None:
    at = Plant((gas("Ar", **changes), gas("O2")), Limits())
    assert refusal("Ar", flow, at) == reason


def test_what_makes_things_better_is_not_asked_to_make_them_good() -> None:
    """Limits may be lowered below what flows."""
    at = plant(ar=150, o2=60, n2=150, limits=Limits(individual=100, total=300, oxygen_percent=10))
    assert refusal("Ar", 140, at).startswith("O2 would be")
    assert refusal("O2", 55, at) == ""
    assert refusal("N2", 149, replace(at, limits=Limits(100, 300, 30))) == ""
    assert "above 100" in refusal("N2", 149.9, replace(at, gases=(at.gases[0], at.gases[1], gas("N2", 149))))


def test_an_unknown_gas_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        approve("He", 1.0, plant())


def test_limits_may_be_missed_by_the_rounding_of_instruments() -> None:
    assert refusal("O2", 30.002, plant(ar=70)) == ""


# Zero


@pytest.mark.parametrize("name", ["Ar", "O2", "N2"])
@pytest.mark.parametrize(
    "changes",
    [
        {"held": "stop"},
        {"owner": "recipe"},
        {"blocked": "door"},
        {"closed": "pump"},
        {"limits": Limits(0, 0, 0)},
    ],
)
def test_zero_is_never_refused(name: str, changes: dict[str, object]) -> None:
    at = plant(ar=70, o2=30, n2=1, **changes)
    assert Change(name, 0.0) in approve(name, 0.0, at).changes
    assert approve(name, -0.0, at).granted


def test_zero_takes_oxygen_along_first_where_too_much_would_remain() -> None:
    answer = approve("Ar", 0.0, plant(ar=70, o2=30, n2=10))
    assert answer.changes == (Change("O2", 0.0), Change("Ar", 0.0))
    assert answer.reason == "O2 zeroed with it: O2 would be 75 % of total, limit 30 %"


def test_zero_leaves_oxygen_where_it_may_stay() -> None:
    assert approve("Ar", 0.0, plant(ar=70, o2=30, n2=100)).changes == (Change("Ar", 0.0),)
    assert approve("N2", 0.0, plant(ar=70, o2=30, n2=0)).changes == (Change("N2", 0.0),)


def test_zero_of_oxygen_is_just_that() -> None:
    assert approve("O2", 0.0, plant(ar=0, o2=30)) == approve("O2", 0.0, plant(ar=70, o2=30))


# What an instrument may hold


def test_an_order_on_its_way_counts_as_both_old_and_new() -> None:
    at = plant(ar=70, o2=0)
    rising = replace(at, gases=(gas("Ar", 70), gas("O2", lowest=0, highest=30.0), gas("N2")))
    assert "O2 would be" in refusal("Ar", 60, rising)
    falling = replace(at, gases=(gas("Ar", lowest=20, highest=70), gas("O2"), gas("N2")))
    assert "O2 would be" in refusal("O2", 20, falling)
    assert "total" in refusal("N2", 110, plant(ar=200, o2=90, limits=Limits(200, 399)))


def test_one_that_does_not_answer_may_have_lost_its_power() -> None:
    lost = replace(
        plant(),
        gases=(gas("Ar", lowest=0, highest=70, trouble="Ar does not answer"), gas("O2"), gas("N2", 10)),
    )
    assert refusal("O2", 20, lost) == "O2 would be 66.7 % of total, limit 30 %"
    assert refusal("N2", 0.0, lost) == ""


def test_the_account_of_one_instrument() -> None:
    account = Account()
    assert account.possible == ()
    account = setpoints.read(account, 20.0, at=1.0)
    assert (account.demand, account.possible) == (20.0, (20.0, 20.0))
    account = setpoints.accepted(setpoints.accepted(account, 50.0), 10.0)
    assert sorted(account.possible) == [10.0, 20.0, 20.0, 50.0]
    account = setpoints.refused(account, 10.0)
    account = setpoints.failed(account, 50.0, now=2.0)
    assert sorted(account.possible) == [20.0, 20.0, 50.0]
    assert setpoints.read(account, 20.0, at=1.9).doubtful == ((50.0, 2.0),)
    account = setpoints.read(account, 50.0, at=2.1)
    assert sorted(account.possible) == [20.0, 50.0]
    account = setpoints.confirmed(setpoints.accepted(account, 30.0), 30.0, 30.01)
    assert account == Account(30.01, 30.01)
    assert setpoints.zeroed(setpoints.accepted(account, 5.0)).possible == (0.0, 0.0, 5.0)
    assert setpoints.refused(account, 99.0) == account


# From one set of flows to another


def apply(at: Plant, changes: tuple[Change, ...]) -> list[Plant]:
    """The plant after each change."""
    states = []
    for change in changes:
        gases = tuple(
            replace(one, lowest=change.flow, highest=change.flow) if one.name == change.gas else one
            for one in at.gases
        )
        at = replace(at, gases=gases)
        states.append(at)
    return states


def test_oxygen_falls_first_and_rises_last() -> None:
    down = transition(plant(ar=140, o2=60).gases, {"Ar": 70, "O2": 30, "N2": 0}, Limits())
    assert down == (Change("O2", 30), Change("Ar", 70))
    up = transition(plant(ar=70, o2=30).gases, {"Ar": 140, "O2": 60, "N2": 0}, Limits())
    assert up == (Change("Ar", 140), Change("O2", 60))


def test_oxygen_dips_where_what_dilutes_it_is_exchanged() -> None:
    changes = transition(plant(ar=100, o2=40).gases, {"Ar": 0, "O2": 40, "N2": 100}, Limits())
    assert changes == (Change("O2", 0), Change("Ar", 0), Change("N2", 100), Change("O2", 40))


def test_a_gas_that_is_not_named_stays() -> None:
    assert transition(plant(ar=100, n2=5).gases, {"Ar": 50}, Limits()) == (Change("Ar", 50),)
    assert transition(plant(ar=100).gases, {"Ar": 100}, Limits()) == ()


def test_to_zero_goes_by_oxygen() -> None:
    gases = (gas("Ar", 1), replace(gas("N2"), oxygen=0.21), gas("O2", 1))
    assert to_zero(gases) == ("O2", "N2", "Ar")


flow = st.floats(0, 200)
flows = st.tuples(flow, flow, flow)
limits_of = st.builds(Limits, st.just(200.0), st.floats(1, 600), st.floats(0.5, 100))
contents = st.tuples(*[st.sampled_from([0.0, 0.21, 0.5, 1.0])] * 3)


def allowed(at: Plant) -> bool:
    total = sum(one.highest for one in at.gases)
    percent = share((one, one.highest) for one in at.gases)
    return not exceeds(total, at.limits.total) and not exceeds(percent, at.limits.oxygen_percent)


@settings(max_examples=400, derandomize=True, deadline=None)
@given(flows, flows, limits_of, contents)
def test_no_limit_is_broken_on_the_way(
    before: tuple[float, ...], after: tuple[float, ...], limits: Limits, content: tuple[float, ...]
) -> None:
    """… neither between two changes nor while one is on its way, and every change is approved."""

    def made(flows: tuple[float, ...]) -> Plant:
        names = ("Ar", "O2", "N2")
        return Plant(
            tuple(Gas(n, f, f, 200, 200, c) for n, f, c in zip(names, flows, content, strict=True)), limits
        )

    start, goal = made(before), made(after)
    if not (allowed(start) and allowed(goal)):
        return
    target = {one.name: one.highest for one in goal.gases}
    at = start
    for change in transition(start.gases, target, limits):
        answer = approve(change.gas, change.flow, at)
        assert change in answer.changes, answer.reason
        at = apply(at, (change,))[-1]
        assert allowed(at)
    assert {one.name: one.highest for one in at.gases} == pytest.approx(target)


def test_shares() -> None:
    assert share([]) == 0.0
    assert worst_share(plant(), "Ar", 0.0) == 0.0
    air = replace(gas("N2", 100), oxygen=0.21)
    assert share([(air, 100.0)]) == pytest.approx(21.0)
    assert not is_rich(air, Limits())
    assert is_rich(air, Limits(oxygen_percent=20))
    mixed = Plant((gas("Ar", 100), gas("O2", 20), air), Limits(oxygen_percent=10))
    assert refusal("O2", 25, mixed) == "oxygen would be 20.4 % of total, limit 10 %"


# What is measured


def test_sums_of_what_is_measured() -> None:
    seen = [Seen(gas("Ar", 70), 69.0, 5.0), Seen(gas("O2", 30), 31.0, 4.0), Seen(gas("N2"), NAN, -math.inf)]
    assert (total_flow(seen).value, total_flow(seen).at) == (100.0, 4.0)
    assert largest_flow(seen).value == 69.0
    assert oxygen_share(seen, 1.0).value == pytest.approx(31.0)


def test_a_gas_that_is_not_read_makes_a_sum_unknown_unless_nothing_of_it_can_flow() -> None:
    seen = [Seen(gas("Ar", 70), NAN, -math.inf), Seen(gas("O2", 30), 31.0, 4.0)]
    assert total_flow(seen).problem == "total flow is not known: Ar not read"
    assert oxygen_share(seen, 1.0).problem == "oxygen share is not known: Ar not read"
    assert oxygen_share([Seen(gas("Ar", 70), NAN, 0.0), Seen(gas("O2"), 0.1, 4.0)], 1.0).value == 0.0
    assert oxygen_share([Seen(gas("Ar", 70), 70.0, 1.0), Seen(gas("O2", 30), NAN, 0.0)], 1.0).problem != ""
    assert total_flow([]).value == 0.0


def test_the_chamber_counts_as_pumped_until_it_is_vented_or_unknown() -> None:
    chamber = Chamber()
    assert closed(chamber, 1e-3) == "chamber pressure has not been read yet"
    chamber = observe(chamber, 5e-3, "", 1e-3, 0.1)
    assert closed(chamber, 1e-3) == "chamber is at 0.005 Torr: pump to 0.001 Torr before flow starts"
    chamber = observe(chamber, 9e-4, "", 1e-3, 0.1)
    chamber = observe(chamber, 5e-3, "", 1e-3, 0.1)
    assert closed(chamber, 1e-3) == ""
    assert not observe(chamber, 0.11, "", 1e-3, 0.1).pumped
    lost = observe(chamber, NAN, "LAB:VAC:P1 is disconnected", 1e-3, 0.1)
    assert closed(lost, 1e-3) == "LAB:VAC:P1 is disconnected"
    assert not observe(lost, 5e-3, "", 1e-3, 0.1).pumped
    assert observe(chamber, NAN, "", 1e-3, 0.1).problem == "chamber pressure is not a number"
