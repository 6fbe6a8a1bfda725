"""What test_sharded_processes.py runs in two processes: FSDP2 on the processor, and a compiled model under DDP."""

import json
import sys
from pathlib import Path

import torch
from accelerate.state import AcceleratorState, PartialState
from accelerate.utils import DistributedType
from students import arguments, dense_collator, listed_collator, listed_rows, photographs, student

from alignet_hf.data.collator import image_rows
from alignet_hf.distill.held_out import HeldOutTriplets
from alignet_hf.distill.processes import this_process
from alignet_hf.distill.trainer import AligNetTrainer
from alignet_hf.triplets import all_triplets

FSDP = {
    "fsdp": True,
    "fsdp_config": {"version": 2, "state_dict_type": "FULL_STATE_DICT", "auto_wrap_policy": "TRANSFORMER_BASED_WRAP"},
}


def trainer(folder, batch_size, data="listed", seed=0, **kwargs):
    """6 steps of 8 rows, with a checkpoint and an evaluation after the third."""
    args = arguments(folder, max_steps=6, per_device_train_batch_size=batch_size, learning_rate=1e-3, eval_steps=3,
                     save_strategy="steps", save_steps=3, eval_strategy="steps", gather_negatives=data == "dense",
                     **kwargs)  # fmt: skip
    held_out = {"people": HeldOutTriplets(photographs(seed=7), all_triplets(7))}
    torch.manual_seed(seed)  # of the head, which is new
    if data == "listed":
        return AligNetTrainer(student(seed, projection_dim=5), args, listed_collator(), listed_rows(40), held_out)
    return AligNetTrainer(student(seed, projection_dim=5), args, dense_collator(), image_rows(24), held_out)


def shard_on_the_processor():
    """Have accelerate believe in accelerators: for processors it passes FSDP over, though torch knows it there too."""
    original = AcceleratorState.__init__

    def init(self, *args, **kwargs):
        if not AcceleratorState._shared_state:  # later ones only look what the first has decided
            PartialState().distributed_type = DistributedType.MULTI_GPU
        original(self, *args, **kwargs)

    AcceleratorState.__init__ = init


def main(folder):
    compiled = trainer(folder / "compiled", 4, torch_compile=True, torch_compile_backend="aot_eager")
    compiled.train()
    process = compiled.args.process_index

    def write(name, trained):
        (folder / f"{name}-{process}.json").write_text(json.dumps(trained.state.log_history))

    write("compiled", compiled)
    shard_on_the_processor()
    for data in ("listed", "dense"):
        sharded = trainer(folder / f"{data}-sharded", 4, data, **FSDP)
        assert sharded.is_fsdp_enabled
        sharded.train()
        write(f"{data}-sharded", sharded)
    resumed = trainer(folder / "listed-resumed", 4, **FSDP)
    resumed.train(resume_from_checkpoint=str(folder / "listed-sharded" / "checkpoint-3"))
    write("listed-resumed", resumed)
    resumed.save_model(folder / "student")
    plain = folder / "listed-plain" / "checkpoint-3"  # of a single process
    goes_on = trainer(folder / "listed-goes-on", 4, seed=1, **FSDP)
    goes_on.train(resume_from_checkpoint=str(plain))
    write("listed-goes-on", goes_on)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    this_process().destroy_process_group()  # whose threads may abort a process that ends with them
