"""Processes that compile side by side do not do the same work twice."""

from __future__ import annotations

from threading import Thread

from tapeline.app.compile_plan import Kernel, Plan, kernels_in
from tapeline.indicators.compiled import compiled, registry


@compiled()
def part(x: float) -> float:
    return x + 1.0


@compiled("float64(float64)")
def called(x: float) -> float:
    return part(x)


@compiled("float64(float64)")
def caller(x: float) -> float:
    return called(x) + part(x)


KERNELS = {name: registry.pop(name) for name in [name for name in registry if name.startswith(f"{__name__}.")]}


def a_kernel(name: str, calls: tuple[str, ...] = (), **parts: int) -> Kernel:
    return Kernel(name, {hash(part): size for part, size in parts.items()}, set(calls))


def test_the_largest_comes_first_and_what_shares_its_parts_stays_with_its_process() -> None:
    kernels = [
        a_kernel("market", fill=50, order=40),
        a_kernel("clock", order=40, tick=1),
        a_kernel("average", ema=30),
        a_kernel("range", atr=20),
    ]
    plan = Plan(kernels)

    assert plan.take(1) == "market"
    assert plan.take(2) == "average"  # not the clock, though larger: process 1 is at half of it
    plan.finish("average")
    assert plan.take(2) == "range"
    plan.finish("market")
    assert plan.take(1) == "clock"


def test_a_kernel_waits_for_those_it_calls() -> None:
    plan = Plan([a_kernel("rows", ("market",), rows=90), a_kernel("market", market=10)])
    taken: list[str | None] = []

    assert plan.take(1) == "market"
    waiting = Thread(target=lambda: taken.append(plan.take(2)))
    waiting.start()
    waiting.join(0.05)
    assert taken == []
    plan.finish("market")
    waiting.join(5)

    assert taken == ["rows"]


def test_warmers_come_when_all_kernels_are_done_and_then_there_is_no_more() -> None:
    plan = Plan([a_kernel("market", market=10)], ["warm"])

    assert plan.take(1) == "market"
    plan.finish("market")
    assert plan.take(1) == "warm"
    assert plan.take(1) is None


def test_a_stopped_plan_hands_out_nothing_and_keeps_nobody_waiting() -> None:
    plan = Plan([a_kernel("rows", ("market",), rows=90), a_kernel("market", market=10)])
    taken: list[str | None] = []
    plan.take(1)
    waiting = Thread(target=lambda: taken.append(plan.take(2)))
    waiting.start()

    plan.stop()
    waiting.join(5)

    assert taken == [None]


def test_parts_and_calls_are_read_from_the_functions() -> None:
    found = {kernel.name.rpartition(".")[2]: kernel for kernel in kernels_in(KERNELS)}

    assert {name.rpartition(".")[2] for name in found["caller"].calls} == {"called"}
    assert id(part.py_func) in found["caller"].parts
    assert id(called.py_func) not in found["caller"].parts
    assert found["called"].calls == set()
