"""Who did not consent to Levels is left out first, read no further, and counted; on simulated participants' files."""

import json

import pytest
from simulated_levels import experiment_trials, simulated_trials, write_simulated, write_simulated_design

from alignet_hf.data.levels import load_levels
from alignet_hf.data.levels_consent import consent_status, has_consented
from alignet_hf.data.levels_exclusions import exclude
from alignet_hf.data.levels_responses import read_participants
from alignet_hf.errors import InputError


@pytest.fixture
def people(tmp_path) -> dict[str, list[dict]]:
    """Five simulated people of one trial set, all of whom consented in their first form."""
    people = simulated_trials(write_simulated_design(tmp_path / "design.csv", n_sets=1))
    for trials in people.values():
        trials[0]["consent_status"] = "consented"
    return people


@pytest.mark.parametrize("word", [True, "true", "Yes", "consented", "I consent", "CONSENT_GIVEN", " agreed "])
def test_words_that_mean_consent(word):
    assert has_consented(consent_status([{}, {"consent_status": word}]))


@pytest.mark.parametrize(
    "word", [False, 0, 1, None, "", "false", "no", "declined", "revoked", "not consented", "no consent", "perhaps"]
)
def test_every_other_word_and_none_do_not(word):
    assert not has_consented(consent_status([{"consent_status": word}]))


def test_consent_that_was_withdrawn_later_is_none():
    assert not has_consented(consent_status([{"consent_status": "consented"}, {"consent_status": "withdrawn"}]))
    assert has_consented(consent_status([{"consent_status": word} for word in ("yes", None, "", "yes")]))


@pytest.mark.parametrize("suffix", [".json", ".csv"])
@pytest.mark.parametrize("word", ["revoked", None])
def test_simulated_people_without_consent_are_left_out_and_counted(people, tmp_path, suffix, word):
    people["participant_3"][0]["consent_status"] = word
    levels = load_levels(write_simulated(tmp_path / "raw", people, suffix))
    assert "participant_3" not in {name for row in levels["participants"] for name in row}
    assert {len(row) for row in levels["participants"]} == {4}
    exclusions = levels.exclusions
    assert (exclusions.n_participants, exclusions.n_no_consent) == (5, 1)
    assert exclusions.no_consent_words == (word or "",)
    assert f"participants without consent ({word or ''!r})" in str(exclusions)
    assert "4 of 5 participants and 48 trials stay" in str(exclusions)
    # Saved, the card says how many, and nothing says who.
    folder = levels.save(tmp_path / "saved")
    assert f"| participants without consent ({word or ''!r}) | 1 | everything |" in (folder / "README.md").read_text()
    assert b"participant_3" not in (folder / "test.parquet").read_bytes()
    assert load_levels(folder).exclusions == exclusions


def test_it_is_the_first_exclusion(people, tmp_path):
    for trial in people["participant_1"]:
        if trial["exp_trial_type"] == "catch_trial":
            trial["catch_trial_correct"] = False
    folder = write_simulated(tmp_path / "raw", people)
    assert exclude(read_participants(folder))[1].inattentive == ("participant_1",)
    people["participant_1"][0]["consent_status"] = "declined"
    exclusions = exclude(read_participants(write_simulated(folder, people)))[1]
    assert (exclusions.n_no_consent, exclusions.inattentive) == (1, ())


def test_nothing_else_of_them_is_read(people, tmp_path):
    """Who declined may have left before a trial, or before there was a subject_id; what they did is nobody's matter."""
    people["participant_0"] = [{"exp_trial_type": None, "consent_status": "declined"}]
    people["participant_1"][0]["consent_status"] = "revoked"
    experiment_trials(people["participant_1"])[0]["rt"] = -5
    read = read_participants(write_simulated(tmp_path / "raw", people))
    assert [(p.name, p.consented, len(p.responses)) for p in read[:3]] == [
        ("participant_0", False, 0),
        ("participant_1", False, 0),
        ("participant_2", True, 12),
    ]


def test_one_simulated_csv_keeps_the_consent_of_its_people_apart(people, tmp_path):
    people["participant_4"][0]["consent_status"] = False
    together = {"all": [trial for trials in people.values() for trial in trials]}
    read = read_participants(write_simulated(tmp_path / "raw", together, ".csv"))
    assert [person.consented for person in read] == [True] * 4 + [False]


def test_a_form_before_there_is_a_subject_id_is_its_file_s_participant_s(people, tmp_path):
    for trials in people.values():
        trials.insert(0, {"exp_trial_type": None, "consent_status": trials[0].pop("consent_status")})
    people["participant_2"][0]["consent_status"] = "declined"
    for suffix in (".json", ".csv"):
        read = read_participants(write_simulated(tmp_path / suffix[1:], people, suffix))
        assert [person.consented for person in read] == [True, True, False, True, True]


def test_a_file_without_the_column_among_files_with_it_has_no_consent(people, tmp_path):
    del people["participant_2"][0]["consent_status"]
    folder = write_simulated(tmp_path / "raw", people)
    exclusions = exclude(read_participants(folder))[1]
    assert (exclusions.n_no_consent, exclusions.no_consent_words) == (1, ("",))


def test_files_that_say_nothing_of_consent_are_kept_and_it_is_said(people, tmp_path):
    for trials in people.values():
        del trials[0]["consent_status"]
    kept, exclusions = exclude(read_participants(write_simulated(tmp_path / "raw", people)))
    assert len(kept) == 5
    assert (exclusions.n_no_consent, exclusions.consent_known) == (0, False)
    assert "without consent (the files do not say who gave it)" in str(exclusions)


def test_another_word_for_consent_can_be_declared(people, tmp_path):
    for trials in people.values():
        trials[0]["consent_status"] = "zugestimmt"
    folder = write_simulated(tmp_path / "raw", people)
    with pytest.raises(
        InputError, match=r"none of 5 participants stays: 5 without consent \(consent_status 'zugestimmt'; .*consent=\)"
    ):
        load_levels(folder)
    levels = load_levels(folder, consent=["Zugestimmt"])
    assert levels.exclusions.n_no_consent == 0
    assert len(json.loads((folder / "participant_0.json").read_text())) > len(levels)
