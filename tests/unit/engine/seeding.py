"""Faults seeded into the engine, to see whether the tests would catch them.

A fault is one small change of the syntax tree of one function of one module: a comparison turned, a sign, a
constant. For each, a fresh process imports the engine with the change in it and compares it with what the
oracle has said of many plans and orders; what passes that has to pass the golden cases too. As a program it tries every change it can make:

    .venv/bin/python tests/unit/engine/seeding.py [module …]

and lists those that nobody noticed, which takes some minutes. Those of `EQUIVALENT` cannot be noticed: they change
no amount. `test_seeded_faults.py` tries some of each module in every run of the tests.
"""

import ast
import copy
import importlib.abc
import importlib.machinery
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

HERE = Path(__file__).parent
SRC = HERE.parents[2] / "src"
# What only says something of a plan.
CHECKS = (
    "fenxiao.engine.idle",
    "fenxiao.engine.names",
    "fenxiao.engine.witness",
    "fenxiao.engine.conditions.reach",
)
MODULES = [
    "fenxiao.engine.evaluate",
    "fenxiao.engine.tally",
    "fenxiao.engine.cuts",
    "fenxiao.engine.plan",
    *CHECKS,
    "fenxiao.engine.periods",
    "fenxiao.engine.trees",
    "fenxiao.engine.close",
    "fenxiao.engine.close_trace",
    "fenxiao.engine.ceilings",
    "fenxiao.engine.conditions.tree",
    *(
        f"fenxiao.engine.components.{name}"
        for name in (
            "ladder",
            "climb",
            "unilevel",
            "fixed",
            "differential",
            "matching",
            "generation",
            "breakaway",
            "infinity",
            "pool",
            "binary",
            "matrix",
            "periodmatch",
            "rising",
            "stairstep",
            "kind",
        )
    ),
]
# What says nothing of amounts, but of texts and of the trace.
ASIDE = {
    *("describe", "sentence", "_readable", "document", "_component_document", "_stops", "_tell"),
    *("tag", "_tag", "_written", "as_document", "_matched_twice"),
}
# What only publishing looks at.
PUBLISHING = {"bound", "worst", "_worst", "depth", "_deepest", "met_alone", "met_by_tags"}
GOLDEN = ("history", "worked_cases", "grades", "matching", "caps", "conditions", "plans", "explanations")
GOLDEN += ("period_cases", "period_matches", "periods", "period_explanations")
# They try many examples or texts, and what they try is not amounts.
ASIDE_TESTS = ("something_true", "reads_back", "equal_plan", "hundred_thousand", "has_its_chinese")
LEFT_OUT = " and ".join(f"not {name}" for name in ASIDE_TESTS)
WORLDS = 1500
PERIODS = 400

TURNED = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.And: ast.Or,
    ast.Or: ast.And,
}
SWAPPED = {"min": "max", "max": "min", "any": "all", "all": "any", "sum": "max"}


def path_of(module):
    return SRC / Path(*module.split(".")).with_suffix(".py")


def changes(node) -> Iterator[tuple[str, object]]:
    """Each way to change one node, as words and a function that does it."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in TURNED:
        to = TURNED[type(node.ops[0])]
        yield to.__name__, lambda one: one.ops.__setitem__(0, to())
    if isinstance(node, ast.BinOp | ast.BoolOp | ast.AugAssign) and type(node.op) in TURNED:
        to = TURNED[type(node.op)]
        yield to.__name__, lambda one: setattr(one, "op", to())
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield str(not node.value), lambda one: setattr(one, "value", not one.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int):
        yield str(node.value + 1), lambda one: setattr(one, "value", one.value + 1)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield (
            "without not",
            lambda one: setattr(one, "op", ast.UAdd()) or setattr(one, "operand", _truth(one.operand)),
        )
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SWAPPED:
        to = SWAPPED[node.func.id]
        yield to, lambda one: setattr(one.func, "id", to)


def _truth(operand):
    return ast.Call(ast.Name("bool", ast.Load()), [operand], [])


def faults(module) -> Iterator[tuple[str, Callable[[], str]]]:
    """Every fault of a module: "function: what → to what", and a function that makes the changed source."""
    tree = ast.parse(path_of(module).read_text(encoding="utf-8"))
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef) or function.name in ASIDE:
            continue
        quiet = _quiet(function)
        for number, node in enumerate(ast.walk(function)):
            if node in quiet or node in function.decorator_list:
                continue
            for words, change in changes(node):
                told = f"{function.name}: {ast.unparse(node)} → {words}"
                yield told, partial(_changed, tree, function, number, change)


def _changed(tree, function, number, change) -> str:
    """The source with the node of that number in the function changed."""
    changed = copy.deepcopy(tree)
    twin = next(
        one
        for one in ast.walk(changed)
        if isinstance(one, ast.FunctionDef) and (one.name, one.lineno) == (function.name, function.lineno)
    )
    change(list(ast.walk(twin))[number])
    return ast.unparse(ast.fix_missing_locations(changed))


def _quiet(function):
    """What stands where only explanations and messages are made."""
    found = set()
    for one in ast.walk(function):
        heard = isinstance(one, ast.If) and isinstance(one.test, ast.Name) and one.test.id == "record"
        told = isinstance(one, ast.Raise | ast.JoinedStr) or (
            isinstance(one, ast.keyword) and one.arg == "values"
        )
        if heard or told:
            found.update(ast.walk(one))
    return found


class Seeded(importlib.abc.MetaPathFinder, importlib.abc.SourceLoader):
    """Gives one module with a fault in it."""

    def __init__(self, module, source):
        self.module, self.source = module, source

    def find_spec(self, name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, self, origin="seeded") if name == self.module else None

    def get_filename(self, fullname):
        return str(path_of(fullname))

    def get_data(self, path):
        return self.source.encode()

    def path_stats(self, path):
        raise OSError


def worlds():
    """Documents and orders with what the oracle says of them; made once, before any engine is imported."""
    import chances
    import chances_periods
    import oracle
    import oracle_periods

    made, closed, capped = [], [], []
    for seed in range(WORLDS):
        chance = chances.seeded(seed)
        # Conditions, overrides and matches meet less often by chance than plain plans: some seeds look for them.
        kinds = ("unilevel", "matching") if seed % 5 == 0 else tuple(chances.PARAMETERS)
        document = chances.document(chance, kinds)
        plain = chances.order(chance, chances.people(chance))
        expected = [oracle.awards(document, plain, n) for n in range(len(plain["refunds"]) + 1)]
        made.append((document, plain, expected))
    for seed in range(PERIODS):
        chance = chances.seeded(seed)
        document = chances_periods.document(chance)
        world = chances_periods.world(chance, document, (1, 5, 12, 25)[seed % 4])
        closed.append((document, world, oracle_periods.close(document, world)))
        document = chances_periods.capped(chance)
        accrued, sales = chances_periods.accrued(chance, document), chance.randint(0, 9000)
        capped.append((document, accrued, sales, oracle_periods.taken_back(document, accrued, sales)))
    return made, closed, capped


def noticed(made):
    """Whether the engine, as it is imported now, differs anywhere from what the oracle said."""
    import chances

    from fenxiao.engine.evaluate import evaluate, steps
    from fenxiao.engine.plan import parse_plan

    orders, closed, capped = made
    if any(_closes_otherwise(*one) for one in closed) or any(_takes_otherwise(*one) for one in capped):
        return True
    for document, plain, expected in orders:
        plan, facts = parse_plan(document), chances.facts(plain)
        found = [
            {award.key: award.amount_minor for award in evaluate(plan, facts, n).awards}
            for n in range(len(expected))
        ]
        if found != expected:
            return True
        if [dict(step.target) for step in steps(plan, facts)] != expected:
            return True
    return False


def _closes_otherwise(document, world, expected):
    import chances_periods

    from fenxiao.engine.close import evaluate_period
    from fenxiao.engine.plan import parse_plan

    outcome = evaluate_period(parse_plan(document), chances_periods.facts(world))
    paid, carries, flushed = expected
    found = sorted((c.component, c.distributor_id, c.leg, c.age, c.amount_minor) for c in outcome.carries)
    gone = {one.component: one.amount_minor for one in outcome.unpaid if one.why == "flushed"}
    return (dict(outcome.target()), found, gone) != (paid, carries, {k: v for k, v in flushed.items() if v})


def _takes_otherwise(document, accrued, sales, expected):
    from fenxiao.engine.ceilings import corrections
    from fenxiao.engine.plan import parse_plan

    taken = {}
    for one in corrections(parse_plan(document), accrued, sales):
        taken[one.key] = taken.get(one.key, 0) + one.amount_minor
    return taken != expected


def fails(names) -> bool:
    """Whether golden cases fail on the engine as it is imported now."""
    import pytest

    sys.stdout = sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - the process ends with it
    files = [str(HERE / f"test_{name}.py") for name in names]
    options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-k", LEFT_OUT]
    options += ["--confcutdir", str(HERE)]
    return pytest.main([*options, "-o", "addopts=--import-mode=importlib", *files]) != 0


def caught(module, source, made, *, publishing=False, golden=False) -> bool:
    """Whether the fault is noticed, by a difference or by a failure; tried in a process of its own."""
    child = os.fork()
    if not child:
        answer = 1
        try:
            sys.meta_path.insert(0, Seeded(module, source))
            found = (
                fails(["checks", "findings"]) if publishing else noticed(made) or (golden and fails(GOLDEN))
            )
            answer = 1 if found else 0
        except BaseException:  # noqa: BLE001 - however it fails, it is noticed
            answer = 1
        finally:
            os._exit(answer)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0


# Faults that change no amount, and why.
EQUIVALENT = {
    "evaluate settle: True → False": "the two are as long as each other by construction",
    "evaluate _limited: True → False": "as above",
    "cuts _while_they_fit: 1 → 2": "any number below 0 stops",
    "cuts cut: sum(amounts) <= limit → Lt": "cutting to the sum itself changes nothing",
    "conditions.tree _need: 1000 → 1001": "a cache may be larger",
    "plan bucket: len(self._buckets) >= _KEPT_LINES → Gt": "a cache may be larger",
    "components.ladder _pay_portion: not factor or not measure → And": "0 × anything is no amount",
    "components.ladder _walk: len(steps.steps) - 1 → Add": "levels above the last have no factor",
    "components.ladder _walk: 1 → 2": "as above, or a place that only the trace tells",
    "components.ladder ascend: level >= levels → Gt": "as above",
    "components.climb pay: visit.party is not None and visit.claims → Or": "nobody claims nothing; nothing adds 0",
    "components.generation lead: 1 → 2": "whether a generation has members counts, not how many",
    "components.generation _climb: place > 0 → GtE": "as above",
    "components.infinity _leaders: 0 → 1": "who is compared has a rank of 1 at least",
    "components.binary close: True → False": "the two are as long as each other by construction",
    "components.pool close: True → False": "as above",
    "close _cut: True → False": "as above",
    "ceilings corrections: True → False": "as above",
    "conditions.reach _possible: _days(shorter) < _days(longer) → LtE": "one window of a field is one figure",
    "conditions.reach _bounded: len(boxes) > _MOST_BOXES → GtE": "a limit may be one lower",
    "periods period_before: 1 → 2": "any moment of the period before",
    "ceilings _limited: True → False": "as above",
    "components.stairstep _break_away: fresh and params.generation_rates → Or": "a leg without volume or rates pays nothing",
    "components.matrix _parent: 0 → 1": "who has no position has nobody above",
    "components.rising pay: not amount or not rate → And": "0 × anything is no amount",
    "components.rising pay: 1 → 2": "what rises may have one place more",
    "witness _bare: True → False": "as above",
    "witness _matches: tags and one.tag is None → Or": "what it tries more is tried already",
    "close_trace _cuts: 0 → 1": "where a cap of the period cut something there is one, and with 0 nothing is told",
    "close_trace awards: 0 → 1": "whoever was heard of at a level has an amount there",
    "witness _order: 1 → 2": "the numbers of the order and of its line say nothing",
    "components.differential bound: 0 → 1": "without a rate no step is taken, whatever the highest",
    "components.differential _climb: 0 → 1": "no bonus counts before somebody earned a difference",
}


def survivors(chosen) -> Iterator[tuple[str, str, bool]]:
    """Every fault of some modules, or the faults chosen by name, and whether it was caught."""
    made = worlds()
    whole = not all(isinstance(one, tuple) for one in chosen)
    if caught("", "", made, golden=whole) or (whole and caught("", "", made, publishing=True)):
        message = "the engine without a fault differs from the oracle, or fails its cases, already"
        raise SystemExit(message)
    for one in chosen:
        module, wanted = (one, None) if isinstance(one, str) else one
        for words, make in faults(module):
            if wanted in {None, words}:
                publishing = module in CHECKS or words.partition(":")[0] in PUBLISHING
                golden = wanted is None
                yield module, words, caught(module, make(), made, publishing=publishing, golden=golden)
                if wanted:
                    break


def unknown(chosen):
    """The faults chosen by name that cannot be seeded: the code has changed under them."""
    known = {module: {words for words, _ in faults(module)} for module, _ in chosen}
    return [(module, words) for module, words in chosen if words not in known[module]]


def main(arguments) -> None:
    sys.path[:0] = [str(HERE), str(SRC)]
    import pydantic  # noqa: F401 - imported once, before the processes part

    chosen = [one for one in arguments if not one.startswith("-")] or MODULES
    if "--chosen" in arguments:
        from test_seeded_faults import CHOSEN as chosen
    tried = missed = 0
    for module, words, found in survivors(chosen):
        tried += 1
        told = f"{module.removeprefix('fenxiao.engine.')} {words}"
        missed += not found
        if found and ("-v" in arguments or "--chosen" in arguments):
            print("caught", told, flush=True)
        elif not found:
            why = EQUIVALENT.get(told)
            print(f"MISSED {told}" + (f" ({why})" if why else ""), flush=True)
    print(f"{tried} faults, {missed} missed")


if __name__ == "__main__":
    main(sys.argv[1:])
