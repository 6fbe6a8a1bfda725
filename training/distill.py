"""Run a recipe with all GPUs of this machine at its distillations:

    accelerate launch --config_file training/accelerate/ddp.yaml training/distill.py RECIPE --out FOLDER

It is `alignet-hf run RECIPE --out FOLDER` by several processes, with the same stages in the same folder: either goes on
from where the other was stopped, on any number of processes that can share `distill.batch_size`, with FSDP2 or without.
"""

import argparse
import sys
import warnings
from pathlib import Path

from alignet_hf.console import line_and_code, of_a_recipe, print_tables, quiet, speaks
from alignet_hf.distill.processes import in_all, this_process
from alignet_hf.distill.together import run_together
from alignet_hf.evaluation.report import terminal_table
from alignet_hf.recipe_file import load_recipe


def arguments() -> argparse.ArgumentParser:
    """What the command line may say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path, help="a YAML file")
    parser.add_argument("--out", type=Path, required=True, help="the run's folder, which all processes see")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="over the recipe's")
    parser.add_argument(
        "--force",
        action="store_true",
        help="repeat a finished run; in the folder of another recipe's, replace what the recipe changes",
    )
    return parser


def main() -> None:
    given = arguments().parse_args()
    quiet()
    # Of outputs that are views: nothing here writes into them.
    warnings.filterwarnings("ignore", message="FSDP2-wrapped module")
    process = this_process()
    who = "distill.py" if process.num_processes == 1 else f"distill.py, process {process.process_index}"
    try:
        with of_a_recipe():
            metrics = run_together(in_all(lambda: load_recipe(given.recipe, given.set)), given.out, force=given.force)
    except Exception as error:
        if (said := line_and_code(error)) is None:
            raise
        if speaks(error):
            print(f"{who}: {said[0]}", file=sys.stderr)
        sys.exit(said[1])
    if metrics is not None:
        print_tables(terminal_table(metrics))
        print(f"report: {given.out / 'report.md'}")
    process.destroy_process_group()


if __name__ == "__main__":
    main()
