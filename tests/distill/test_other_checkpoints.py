"""An optimizer's state by number and by name: one is the other's inverse, and what does not fit is refused."""

import pytest
import torch

from alignet_hf.distill.optim import AdamDecayToInit
from alignet_hf.distill.other_checkpoints import by_name, by_number
from alignet_hf.errors import InputError

NAMES = [["weight"], ["bias", "scale"]]


def stepped() -> AdamDecayToInit:
    torch.manual_seed(0)
    parameters = {name: torch.nn.Parameter(torch.randn(3)) for group in NAMES for name in group}
    groups = [{"params": [parameters[name] for name in group], "lr": 0.1 * len(group)} for group in NAMES]
    optimizer = AdamDecayToInit(groups)
    for name in ("weight", "bias"):  # none reaches the scale
        parameters[name].grad = torch.randn(3)
    optimizer.step()
    return optimizer


def test_there_and_back():
    state = stepped().state_dict()
    named = by_name(state, NAMES)
    assert [group["params"] for group in named["param_groups"]] == NAMES
    assert [group["lr"] for group in named["param_groups"]] == [0.1, 0.2]
    assert set(named["state"]) == {"weight", "bias"}
    assert torch.equal(named["state"]["bias"]["exp_avg"], state["state"][1]["exp_avg"])
    named["param_groups"][1]["params"] = ["scale", "bias"]  # as another order of names would have it
    assert by_number(named, NAMES) == state


def test_other_parameters_are_refused():
    state = stepped().state_dict()
    with pytest.raises(InputError, match="trained other parameters than this one"):
        by_name(state, [["weight", "bias"], ["scale"]])
    with pytest.raises(InputError, match="trained other parameters than this one"):
        by_number(by_name(state, NAMES), [["weight"], ["bias", "shift"]])
