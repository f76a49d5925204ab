"""The register and the clock: damaged files, agreements held against a naive count, clocks that jump at will."""

from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from appliance.agreement_clock import AgreementClock
from appliance.clock import Moment
from appliance.errors import PolicyInvalidError
from appliance.exchange import DataClass, Purpose
from appliance.policy.providers import read_register
from appliance.policy.register import Agreement, Provider, Register, Use
from appliance.policy.restrictions import read_restrictions
from tests.support.policy_folder import CHECKOUT, TASKS
from tests.support.registers import EFFECTIVE, a_ca_pem, a_model, a_provider, an_agreement, register_yaml
from tests.support.set_clock import NOON, SetClock

DAY = timedelta(days=1)
PINS = {"api.cloud.example.pem": a_ca_pem().encode()}
REGISTER = register_yaml(a_provider())
RESTRICTIONS = (CHECKOUT / "policies" / "restrictions.yaml").read_text()
GARBAGE = st.text(max_size=60) | st.text(alphabet="[]{}():;,&*!|>-#'\"%@`\n \t?<ab1", max_size=60)


def _read(text: str) -> Register | str:
    """Return the register or the refusal; any other error is a failed test."""
    try:
        return read_register("providers.yaml", text, tasks=TASKS, pins=PINS)
    except PolicyInvalidError as error:
        return error.public


@given(position=st.integers(0, len(REGISTER)), length=st.integers(0, 40), garbage=GARBAGE)
def test_a_damaged_register_is_refused_in_our_words_or_is_one(position: int, length: int, garbage: str) -> None:
    held = _read(REGISTER[:position] + garbage + REGISTER[position + length :])

    if isinstance(held, str):
        assert held.startswith("providers.yaml:")
    else:
        assert all(each.agreements and each.models for each in held.values())


@given(position=st.integers(0, len(RESTRICTIONS)), length=st.integers(0, 40), garbage=GARBAGE)
def test_a_damaged_list_of_restrictions_is_refused_in_our_words_or_is_one(
    position: int, length: int, garbage: str
) -> None:
    text = RESTRICTIONS[:position] + garbage + RESTRICTIONS[position + length :]

    said = ""
    try:
        read_restrictions("restrictions.yaml", text, tasks=TASKS)
    except PolicyInvalidError as error:
        said = error.public

    assert not said or said.startswith("restrictions.yaml:")


MODELS = tuple(a_model(name=name) for name in "ab")
USES = [
    Use(task=task, purpose=purpose, data_class=data_class)
    for task, purpose, data_class in product(TASKS[:3], Purpose, DataClass)
]

AGREEMENTS = st.lists(
    st.builds(
        lambda first, days, models, tasks, purposes, sensitive: an_agreement(
            effective=EFFECTIVE + first * DAY,
            expires=EFFECTIVE + (first + days) * DAY,
            models=models,
            tasks=tasks,
            purposes=purposes,
            data_classes=frozenset({DataClass.PHI, *([DataClass.SENSITIVE] if sensitive else [])}),
        ),
        st.integers(0, 3),
        st.integers(1, 3),
        st.frozensets(st.sampled_from("ab")),
        st.frozensets(st.sampled_from(TASKS[:2])),
        st.frozensets(st.sampled_from(Purpose), min_size=1),
        st.booleans(),
    ),
    min_size=1,
    max_size=3,
)
"""Short agreements that often meet, leave a gap or overlap."""


def _days_covered(provider: Provider) -> list[list[int]]:
    """Count for each use how many agreements cover it on each day, one use and one day after the other."""
    moments = [Moment.at(EFFECTIVE + day * DAY) for day in range(7)]
    return [
        [sum(each.in_force(at) and each.covers(provider, model, use) for each in provider.agreements) for at in moments]
        for model in MODELS
        for use in USES
    ]


@given(agreements=AGREEMENTS)
def test_what_loads_leaves_no_gap_and_no_overlap_on_any_day_for_any_use(agreements: list[Agreement]) -> None:
    numbered = [
        an_agreement(
            **{
                name: getattr(each, name)
                for name in ("effective", "expires", "models", "tasks", "purposes", "data_classes")
            },
            id=f"A-{place}",
            document_sha256=f"{place + 1:064x}",
        )
        for place, each in enumerate(agreements)
    ]
    provider = a_provider(
        models=MODELS,
        agreements=tuple(sorted(numbered, key=lambda each: (each.effective, each.expires, each.id))),
    )

    held = _read(register_yaml(provider))

    rows = _days_covered(provider)
    is_sound = all(max(row) <= 1 and "101" not in _shape(row) for row in rows)
    is_covered = all(any(max(row) for row in rows[start : start + len(USES)]) for start in (0, len(USES)))
    assert (not isinstance(held, str)) is (is_sound and is_covered), held
    if not isinstance(held, str):
        assert held["example-cloud"] == provider


def _shape(row: list[int]) -> str:
    """Return covered and uncovered stretches, each as one figure."""
    text = "".join(str(min(count, 1)) for count in row)
    while "00" in text or "11" in text:
        text = text.replace("00", "0").replace("11", "1")
    return text


STEPS = st.lists(
    st.tuples(
        st.timedeltas(timedelta(0), 3 * DAY),
        st.timedeltas(-30 * DAY, 30 * DAY) | st.just(timedelta(0)),
        st.booleans(),
    ),
    max_size=12,
)
"""Time that really passes, by how much somebody then sets the clock, and whether the process starts anew."""


@given(steps=STEPS)
def test_an_agreement_that_was_ever_seen_to_end_stays_closed_and_none_opens_before_its_time(
    steps: list[tuple[timedelta, timedelta, bool]],
) -> None:
    with TemporaryDirectory() as folder:
        file, machine, really = Path(folder) / "clock.json", SetClock(), NOON
        clock, seen, untouched_since_start = AgreementClock(machine, seen_file=file), NOON, True
        for passed, jump, restarts in steps:
            machine.wait(passed)
            really += passed
            moment = clock.moment()
            seen = _check(moment, seen, machine.now(), really if untouched_since_start else None)
            machine.set(machine.now() + jump)
            seen = _check(clock.moment(), seen, machine.now(), really if untouched_since_start else None)
            if restarts:
                clock, untouched_since_start = AgreementClock(machine, seen_file=file), machine.now() <= really
                # What was seen within the last minute may be lost with the process.
                seen = seen - timedelta(minutes=1)


def _check(moment: Moment, seen: datetime, wall: datetime, really: datetime | None) -> datetime:
    assert moment.earliest <= wall <= moment.latest
    assert moment.latest >= seen
    assert really is None or moment.earliest <= really
    return moment.latest
