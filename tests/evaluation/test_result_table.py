"""Results as rows, and as entries that a model card's YAML keeps."""

import numpy as np
import pytest
from huggingface_hub import ModelCardData
from huggingface_hub.repocard_data import model_index_to_eval_results

from alignet_hf.evaluation.comparison import Comparison
from alignet_hf.evaluation.result_table import results_frame
from alignet_hf.evaluation.statistics import Result
from alignet_hf.evaluation.vision.few_shot import FewShotResult

PLAIN = Result.from_samples("accuracy", 0.5, np.linspace(0.4, 0.6, 101), 1 / 3, 10)
FULL = Result.from_samples(
    "accuracy",
    0.7,
    np.linspace(0.6, 0.8, 101),
    0.2,
    5,
    ceiling=0.7,
    upper_ceiling=0.75,
    p_value=0.00123456,
    over=("triplets", "people"),
)


def test_a_frame_has_a_row_a_result():
    frame = results_frame({"coarse": PLAIN, "fine": FULL})
    assert list(frame.index) == ["coarse", "fine"]
    assert frame.loc["fine", ["estimate", "chance", "ceiling", "n_objects", "n_bootstrap"]].tolist() == [
        0.7,
        0.2,
        0.7,
        5,
        101,
    ]
    assert frame.loc["fine", "over"] == "triplets and people"
    assert frame.loc["fine", "normalised"] == 1
    assert frame.loc["fine", "upper_ceiling"] == 0.75
    assert frame.loc["coarse", ["ceiling", "upper_ceiling", "normalised", "p_value"]].isna().all()
    assert frame.select_dtypes("number").shape[1] == 10
    assert PLAIN.to_frame().equals(results_frame([PLAIN]))


def test_few_shot_accuracies_have_columns_of_their_spread_and_strength():
    samples = np.linspace(0.4, 0.6, 101)
    several, one = (
        FewShotResult.from_samples("1-shot", 0.5, samples, 0.1, 9, per_draw=np.array(per_draw), l2=l2)
        for per_draw, l2 in (([0.4, 0.5, 0.6], 64.0), ([0.5], 1024.0))
    )
    frame = results_frame({"several": several, "one": one, "plain": PLAIN})
    assert frame["spread_over_draws"].tolist() == pytest.approx([0.1, np.nan, np.nan], nan_ok=True)
    assert frame["l2"].tolist() == pytest.approx([64, 1024, np.nan], nan_ok=True)
    assert not {"spread_over_draws", "l2"} & set(results_frame([PLAIN]).columns)


def test_a_column_is_called_what_json_calls_it():
    of_tables_alone = {"name", "n_bootstrap"}
    assert set(FULL.to_frame().columns) - of_tables_alone == set(FULL.to_dict())
    compared = Comparison(PLAIN, 0.01, 0.02, 3, 4, p_adjusted=0.05, set_apart="the same as another")
    assert set(compared.to_frame().columns) - of_tables_alone == set(compared.to_dict()) - {"chance"}


def test_where_nothing_is_right_there_is_no_chance():
    rank = Result.from_samples("effective rank", 84.0, np.linspace(80, 90, 101), None, 10, ceiling=90.0)
    assert str(rank).endswith("10 objects (ceiling 90.000)")
    assert rank.normalised is None
    assert results_frame([rank])["chance"].isna().all()
    entry = rank.to_eval_result(dataset_name="THINGS", dataset_type="things", metric_type="effective_rank")
    assert "chance" not in entry.metric_args


def test_a_model_index_entry_survives_the_card():
    where = {"dataset_name": "THINGS", "dataset_type": "things", "metric_type": "odd_one_out_accuracy"}
    entries = [FULL.to_eval_result(**where, command="alignet-hf evaluate"), PLAIN.to_eval_result(**where)]
    card = ModelCardData(eval_results=entries, model_name="model")
    name, read = model_index_to_eval_results(card.to_dict()["model-index"])
    assert name == "model"
    assert [entry.metric_value for entry in read] == [0.7, 0.5]
    assert read[0].metric_args == {
        "chance": 0.2,
        "n": 5,
        "unit": "objects",
        "confidence_interval_95": [0.605, 0.795],
        "bootstrap_over": "triplets and people",
        "ceiling": 0.7,
        "upper_ceiling": 0.75,
        "normalised": 1.0,
        "p_value": 0.001235,
        "command": "alignet-hf evaluate",
    }
    assert "ceiling" not in read[1].metric_args
