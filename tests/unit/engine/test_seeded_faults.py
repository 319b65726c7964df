"""The comparison with the oracle catches faults seeded into the engine: here some of each module, in `seeding` all."""

import subprocess
import sys
from pathlib import Path

import pytest
import seeding

FAULTS = {
    "evaluate": [
        "settle: min(amount, component.entry_cap_minor) → max",
        "settle: plan.unclaimed == 'roll_up' → NotEq",
        "_portions: base_before + base → Sub",
    ],
    "tally": ["_profit: line.unit_cost_minor * units → Add", "refund: units - taken.quantity → Add"],
    "cuts": ["_in_order: min(amount, left) → max", "_while_they_fit: amount <= left → Lt"],
    "conditions.tree": ["met: found >= value → Gt", "met: not self.negated.met(party) → without not"],
    "components.kind": ["standing: when is None or when.met(party) → And"],
    "components.ladder": [
        "ladder: any(compress) → all",
        "ladder: max(factors) → min",
        "ascend: outcome == 'qualified' or not compress → And",
        "holders: standing(component, one) == 'qualified' → NotEq",
    ],
    "components.climb": ["higher: max(rates) → min", "places: 1 → 2"],
    "components.differential": [
        "_climb: own > paid → GtE",
        "_climb: bonuses < terms.same_grade_depth → LtE",
        "_climb: party.grade != grade → Eq",
    ],
    "components.matching": [
        "evaluate: earned.get(earner, 0) + amount → Sub",
        "_match: place + 1 → Sub",
    ],
    "components.generation": [
        "_climb: (party.rank or 0) >= params.boundary_rank → Gt",
        "_empty: not found.members → without not",
        "lead: found.members += 1 → Sub",
    ],
    "components.breakaway": [
        "_climb: (party.rank or 0) >= params.breakaway_rank → Gt",
        "_climb: leads and outcome == 'qualified' → Or",
    ],
    "components.pool": [
        "_weight: params.share_by == 'equal' → NotEq",
        "close: outcome == 'qualified' → NotEq",
    ],
    "components.binary": [
        "_match: min(pairs, params.max_pairs) → max",
        "_kept: age < params.carry_periods → LtE",
        "_without: min(lot, volume) → max",
        "_left: _volume(legs[0]) >= _volume(legs[1]) → Gt",
    ],
    "components.matrix": [
        "_parent: (member.position or 0) <= width → Lt",
    ],
    "components.rising": [
        "pay: outcome == 'qualified' or not ascent.compress → And",
        "pass_on: above[behind] += amount → Sub",
        "_heirs_of: case.roll_up and parent is not None → Or",
    ],
    "components.periodmatch": ["close: own.get(earner, 0) + amount → Sub"],
    "components.stairstep": [
        "_climb: group.volume >= params.breakaway_at → Gt",
        "_climb: own - rate → Add",
        "_break_away: not broke → without not",
        "_rate: volume >= step.volume → Gt",
    ],
    "close": [
        "_cut: min(amount, component.entry_cap_minor) → max",
        "_carries: carry.component == component.name → NotEq",
    ],
    "ceilings": [
        "_limited: plan.max_payout_rate_per_period is None → IsNot",
        "corrections: key[0] == component.name → NotEq",
    ],
    "trees": ["_upward: waiting[parent] += 1 → Sub"],
    "components.infinity": [
        "_leaders: (party.rank or 0) >= (first.rank or 0) → Gt",
        "_leaders: params.next_leader == 'blocked' → NotEq",
    ],
}
CHOSEN = [(f"fenxiao.engine.{module}", words) for module, listed in FAULTS.items() for words in listed]


@pytest.mark.timeout(600)
def test_seeded_faults_are_caught() -> None:
    """In a process of its own: it forks one more for each fault."""
    done = subprocess.run(
        [sys.executable, str(Path(seeding.__file__)), "--chosen"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told = done.stdout.splitlines()
    assert [line for line in told if not line.startswith("caught ")] == [f"{len(CHOSEN)} faults, 0 missed"]
    assert len(told) == len(CHOSEN) + 1


def test_an_engine_without_a_fault_is_not_caught_and_an_unknown_fault_is_not_passed_over() -> None:
    assert seeding.unknown(CHOSEN) == []
    assert seeding.unknown([("fenxiao.engine.cuts", "no such fault")]) == [
        ("fenxiao.engine.cuts", "no such fault")
    ]


@pytest.mark.parametrize("module", seeding.MODULES)
def test_every_module_has_faults_to_seed(module) -> None:
    found = list(seeding.faults(module))
    plain = seeding.path_of(module).read_text(encoding="utf-8")
    assert found or module.endswith(("unilevel", "fixed"))
    assert all(make() != plain for _, make in found[:3])
