"""Statements compute what the steps say, whatever is folded."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trimaran.emit.statements import Step, statements


def run(lines: tuple[str, ...], x: int) -> int:
    """Execute the lines as the body of a function of x."""
    body = "\n".join(f"    {line}" for line in lines)
    scope: dict[str, object] = {}
    exec(f"def f(x):\n{body}", scope)
    return scope["f"](x)  # type: ignore[operator, no-any-return]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[Step], int]:
    """Random steps: one operand (double, sometimes folding) or two (a weighted sum)."""
    steps: list[Step] = []
    for n in range(1, draw(st.integers(1, 12)) + 1):
        a, b = draw(st.integers(0, n - 1)), draw(st.integers(0, n - 1))
        one = draw(st.booleans())
        text, inputs = ("(2 * {0} + 1)", ((a,),)) if one else ("(3 * {0} - {1})", ((a,), (b,)))
        steps.append(Step(text, inputs, ((n,),), one and draw(st.booleans()), f"layer{n}"))
    return steps, draw(st.integers(1, len(steps)))


@given(graphs(), st.integers(-3, 3))
def test_the_lines_compute_the_graph(graph: tuple[list[Step], int], x: int) -> None:
    steps, output = graph
    values = {(0,): x}
    for step in steps:
        values[step.outputs[0]] = eval(step.text.format(*(values[i] for i in step.inputs)))
    kept = [step for step in steps if step.outputs[0][0] <= output]
    assert run(statements({(0,): "x"}, kept, [(output,)], "{0}"), x) == values[(output,)]


def test_a_light_call_is_written_around_the_one_before() -> None:
    steps = [
        Step("conv({0})", ((0,),), ((1,),), False, "conv1"),
        Step("relu({0})", ((1,),), ((2,),), True, "relu1"),
    ]
    assert statements({(0,): "x"}, steps, [(2,)], "{0}") == ("return relu(conv(x))",)


def test_a_value_read_twice_keeps_its_variable() -> None:
    steps = [
        Step("f({0})", ((0,),), ((1,),), False, "f"),
        Step("{0} + {1}", ((0,), (1,)), ((2,),), False, "add"),
    ]
    assert statements({(0,): "x"}, steps, [(2,)], "{0}") == ("y = f(x)", "return x + y")


def test_a_sum_stands_in_brackets_before_a_method() -> None:
    total = Step("{0} + 3 * max(1, 2 - 1)", ((0,),), ((1,),), False, "total")
    after = Step("{0}.bit_length()", ((1,),), ((2,),), True, "after")
    (line,) = statements({(0,): "x"}, [total, after], [(2,)], "{0}")
    assert line == "return (x + 3 * max(1, 2 - 1)).bit_length()" and run((line,), 5) == 4
    after = Step("abs({0})", ((1,),), ((2,),), True, "after")
    (line,) = statements({(0,): "x"}, [total, after], [(2,)], "{0}")
    assert line == "return abs(x + 3 * max(1, 2 - 1))"
