"""Who is left out of Levels, on simulated participants with known faults."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated_levels import experiment_trials, simulated_trials, write_simulated, write_simulated_design

from alignet_hf.data.levels_exclusions import Exclusions, exclude
from alignet_hf.data.levels_responses import Participant, Response, read_participants
from alignet_hf.errors import InputError

WNIDS = [f"n{number:08d}" for number in range(40)]


def participant(name: str, order=range(30), *, n_timeouts=0, catch=(10, 10), rt=2000.0) -> Participant:
    names = [tuple(f"{WNIDS[number]}_{item}.JPEG" for item in range(3)) for number in order]
    responses = [Response(triplet, None, None) for triplet in names[:n_timeouts]]
    responses += [Response(triplet, 0, rt) for triplet in names[n_timeouts:]]
    return Participant(name, f"{name}.json", tuple(responses), *catch)


def test_the_paper_s_thresholds_are_exact():
    people = [
        participant("nine of ten", range(30)),
        replace(participant("27 of 30", range(1, 31)), n_catch=30, n_catch_correct=27),
        replace(participant("26 of 30", range(2, 32)), n_catch=30, n_catch_correct=26),
        participant("ten timeouts", range(3, 33), n_timeouts=10),
        participant("eleven timeouts", range(4, 34), n_timeouts=11),
        participant("both", range(5, 35), n_timeouts=11, catch=(10, 8)),
        participant("no catch trials", range(6, 36), catch=(0, 0)),
    ]
    people[0] = replace(people[0], n_catch_correct=9)
    kept, exclusions = exclude(people)
    assert [person.name for person in kept] == ["nine of ten", "27 of 30", "ten timeouts", "no catch trials"]
    assert exclusions.inattentive == ("26 of 30", "both")
    assert exclusions.slow == ("eleven timeouts",)
    assert exclusions.sharing == ()
    assert (exclusions.n_participants, exclusions.n_trials, exclusions.n_timeouts, exclusions.n_long) == (7, 120, 10, 0)


def test_a_trial_set_is_the_triplets_in_their_order():
    people = [
        participant("a", [0, 1, 2, 3]),
        participant("b, in another order", [3, 2, 1, 0]),
        participant("c, as a", [0, 1, 2, 3], rt=3000.0),
        participant("d, as a but stopped early", [0, 1]),
        participant("e, like a at first", [0, 1, 3, 2]),
        participant("f, as b but inattentive", [3, 2, 1, 0], catch=(10, 1)),
    ]
    _, exclusions = exclude(people)
    # d began as a, c and e did; b shares with nobody who stays.
    assert exclusions.sharing == ("a", "c, as a", "d, as a but stopped early", "e, like a at first")


def test_long_response_times_are_counted_where_they_would_be_used():
    people = [
        participant("a", [0, 1, 2], rt=10_000.0),
        participant("b", [3, 4, 5], rt=10_000.1),
        participant("c", [6, 7], rt=20_000.0),
        participant("c too", [6, 7], rt=20_001.0),
    ]
    assert exclude(people)[1].n_long == 3


def test_simulated_files_of_the_design_share_sets_in_other_orders(tmp_path):
    """Five people judge each set of triplets: were a set its triplets alone, nobody would have one of their own."""
    people = simulated_trials(write_simulated_design(tmp_path / "design.csv"))
    kept, exclusions = exclude(read_participants(write_simulated(tmp_path / "raw", people)))
    assert len(kept) == 10
    assert exclusions.sharing == ()
    people["participant_99"] = simulated_trials(tmp_path / "design.csv", seed=1)["participant_4"]
    kept, exclusions = exclude(read_participants(write_simulated(tmp_path / "raw", people)))
    assert {name.split()[0] for name in exclusions.sharing} == {"participant_4"}
    assert len(exclusions.sharing) == 2
    assert exclusions.n_trials == 11 * len(experiment_trials(people["participant_0"]))


def test_nobody_left_is_an_error():
    with pytest.raises(
        InputError, match=r"none of 2 .* stays: 0 without consent, 1 under 90% on catch trials, 1 with more than 10"
    ):
        exclude([participant("a", catch=(10, 0)), participant("b", n_timeouts=20)])


def test_it_prints_itself_and_survives_json():
    _, exclusions = exclude([participant("a"), participant("b", range(1, 31), catch=(10, 8))])
    assert Exclusions.from_dict(exclusions.to_dict() | {"inattentive": ["b"]}) == exclusions
    assert "participants under 90% on catch trials 1 from everything" in " ".join(str(exclusions).split())
    assert "1 of 2 participants and 30 trials stay" in str(exclusions)
    assert "| participants with more than 10 timeouts | 0 | everything |" in exclusions.markdown()


@given(st.lists(st.permutations(range(4)).map(tuple), min_size=1, max_size=8))
def test_sharing_is_mutual(orders):
    people = [participant(f"p{number}", order, rt=1000.0 + number) for number, order in enumerate(orders)]
    expected = tuple(f"p{number}" for number, order in enumerate(orders) if orders.count(order) > 1)
    assert exclude(people)[1].sharing == expected
