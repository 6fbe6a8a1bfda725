"""The demo's goals: time and memory of one fold, scores over all three.

    python benchmarks/demo.py [FOLDER]

Two cores; the goals are for the mean of the three folds, "better" for every single fold.
"""

import sys
import tempfile

from measure import print_goals, run, with_interval


def main(folder: str) -> None:
    one = run("demo", "--out", folder, "--force")
    three = run("demo", "--out", folder, "--folds", "3").result  # goes on from the first fold
    mean, folds = three["mean"], three["folds"]

    def accuracy(fold: dict, setting: str) -> float:
        return fold["student"][setting]["odd_one_out_accuracy"]["estimate"]

    def better_than(other: str) -> tuple[str, str, str, bool]:
        pairs = [(accuracy(fold, "alignet"), accuracy(fold, other)) for fold in folds]
        shown = ", ".join(
            f"{ours:.3f} > {theirs:.3f}" if ours > theirs else f"{ours:.3f} < {theirs:.3f}" for ours, theirs in pairs
        )
        return f"student: AligNet over {other}, each fold", "all", shown, all(ours > theirs for ours, theirs in pairs)

    teacher, student = mean["teacher"]["ud"], mean["student"]["alignet"]
    before = mean["student"]["original"]
    goals = [
        ("one fold, wall time", "< 300 s", f"{one.seconds:.0f} s", one.seconds < 300),
        ("one fold, peak memory", "< 4 GB", f"{one.gigabytes:.2f} GB", one.gigabytes < 4),
    ]
    for what, scores, key, goal in (
        ("teacher UD, odd-one-out", teacher, "odd_one_out_accuracy", 0.66),
        ("student AligNet, odd-one-out", student, "odd_one_out_accuracy", 0.68),
        ("student AligNet, RSA", student, "rsa_spearman", 0.48),
    ):
        goals.append((what, f">= {goal}", with_interval(scores[key]), scores[key]["estimate"] >= goal))
    goals += [
        ("student original, odd-one-out (for comparison)", "", with_interval(before["odd_one_out_accuracy"]), True),
        ("student original, RSA (for comparison)", "", with_interval(before["rsa_spearman"]), True),
        better_than("unalignet"),
        better_than("ud"),
    ]
    print_goals("demo", goals)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(sys.argv[1])
    else:
        with tempfile.TemporaryDirectory() as folder:
            main(folder)
