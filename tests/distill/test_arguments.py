import pytest

from alignet_hf.distill.arguments import AligNetTrainingArguments
from alignet_hf.distill.losses import EntropyWeightedLoss, TripletHardLoss, TripletJSDLoss, TripletKLLoss
from alignet_hf.errors import InputError


def arguments(**kwargs):
    return AligNetTrainingArguments(output_dir="unused", use_cpu=True, **kwargs)


def test_defaults_are_the_released_recipe():
    args = arguments()
    assert (args.learning_rate, args.lr_scheduler_type, args.warmup_steps) == (3e-5, "cosine", 0.05)
    assert (args.adam_beta1, args.adam_beta2, args.adam_epsilon, args.weight_decay) == (0.9, 0.999, 1e-8, 0)
    assert (args.max_grad_norm, args.seed, args.decay_to_init, args.decay_to_init_mode) == (0, 42, 1.0, "decoupled")
    assert args.report_to == []


@pytest.mark.parametrize(
    ("options", "loss"),
    [
        ({}, TripletKLLoss()),
        (
            {"teacher_temperature": 2.0, "student_temperature": 3.0},
            TripletKLLoss(teacher_temperature=2.0, student_temperature=3.0),
        ),
        ({"loss": "jsd"}, TripletJSDLoss(student_temperature=100.0)),
        ({"loss": "hard", "student_temperature": 5.0}, TripletHardLoss(student_temperature=5.0)),
        (
            {"triplet_weights": "entropy", "teacher_temperature": 2.0},
            EntropyWeightedLoss(loss=TripletKLLoss(teacher_temperature=2.0), teacher_temperature=2.0),
        ),
    ],
)
def test_the_loss_is_the_one_named(options, loss):
    assert arguments(**options).triplet_loss() == loss


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "mse"}, "loss is 'mse'; choose one of kl, jsd, hard"),
        ({"loss": "hard", "teacher_temperature": 2.0}, "leave it out"),
        ({"triplet_weights": "margin"}, "triplet_weights is 'margin'; choose one of equal, entropy"),
        ({"student_temperature": 0.0}, "temperature is 0"),
        ({"sampling": "nearest"}, "'nearest' is unknown"),
        ({"decay_to_init": -0.1}, "decay_to_init is -0.1"),
        ({"decay_to_init_mode": "l2"}, "decay_to_init_mode is 'l2'"),
        ({"optim": "sgd"}, "optim is 'sgd'"),
        ({"remove_unused_columns": True}, "remove_unused_columns"),
    ],
)
def test_what_cannot_be_used_is_named(options, message):
    with pytest.raises(InputError, match=message):
        arguments(**options)


def test_another_optimizer_is_free_without_decay():
    assert arguments(optim="sgd", decay_to_init=0).optim == "sgd"
