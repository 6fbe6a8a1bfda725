"""The goals of training/recipes/things_photos.yaml.

    python benchmarks/things_photos.py DATA [FOLDER]

DATA holds photos/ and things/ (see the recipe); two cores.
"""

import sys
import tempfile
from pathlib import Path

from measure import print_goals, run, with_interval

RECIPE = Path(__file__).parents[1] / "training" / "recipes" / "things_photos.yaml"


def main(data: Path, folder: str) -> None:
    places = {
        "images.source": data / "photos" / "images",
        "human.triplets": data / "things" / "triplets.txt",
        "human.embedding": data / "things" / "spose_66d.npy",
        "human.concepts": data / "photos" / "things_concept_to_photo.tsv",
    }
    options = [part for key, place in places.items() for part in ("--set", f"{key}={place}")]
    done = run("run", str(RECIPE), "--out", folder, "--force", *options)

    def accuracy(who: str, setting: str) -> dict:
        return done.result[who][setting]["odd_one_out_accuracy"]

    after = accuracy("student", "alignet")
    goals = [
        ("wall time", "< 1500 s", f"{done.seconds:.0f} s", done.seconds < 1500),
        ("student AligNet, odd-one-out", ">= 0.46", with_interval(after), after["estimate"] >= 0.46),
    ]
    for who, setting in (("student", "original"), ("student", "ud"), ("teacher", "original"), ("teacher", "ud")):
        goals.append((f"{who} {setting} (for comparison)", "", with_interval(accuracy(who, setting)), True))
    print_goals("things_photos", goals)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        main(Path(sys.argv[1]), sys.argv[2])
    elif len(sys.argv) == 2:
        with tempfile.TemporaryDirectory() as folder:
            main(Path(sys.argv[1]), folder)
    else:
        sys.exit(__doc__)
