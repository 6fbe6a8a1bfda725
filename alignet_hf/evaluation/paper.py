"""Numbers that the paper reports, to stand beside measured ones and never in their place.

Source: Muttenthaler et al., "Aligning Machine and Human Visual Representations across Abstraction Levels",
https://arxiv.org/abs/2409.06509.
"""

SETTINGS = ("original", "distillation without alignment", "UD", "AligNet")

# Tab. 3: odd-one-out accuracy on Levels, per cent. Level -> a number for each setting; None where there is none.
LEVELS = {
    "ViT-S": {
        "coarse-grained": (40.08, 58.82, 46.29, 67.09),
        "fine-grained": (51.30, 58.80, 43.41, 58.93),
        "class-boundary": (92.23, 92.64, 85.31, 93.80),
    },
    "ViT-B": {
        "coarse-grained": (36.10, 56.15, 40.96, 67.72),
        "fine-grained": (46.04, 57.04, 42.66, 60.02),
        "class-boundary": (88.73, 91.68, 93.31, 93.99),
    },
    "ViT-L": {
        "coarse-grained": (35.45, 57.75, 41.84, 68.60),
        "fine-grained": (40.75, 57.47, 39.34, 59.51),
        "class-boundary": (93.67, 93.18, 93.31, 94.24),
    },
    "CapPa-B": {
        "coarse-grained": (42.99, 53.55, 66.73, 66.06),
        "fine-grained": (49.36, 57.15, 53.07, 60.21),
        "class-boundary": (70.37, 90.85, 87.92, 93.09),
    },
    "DINOv1-B": {
        "coarse-grained": (52.44, 55.86, 57.82, 65.70),
        "fine-grained": (62.92, 59.76, 60.91, 62.92),
        "class-boundary": (90.09, 92.39, 88.84, 94.03),
    },
    "DINOv2-B": {
        "coarse-grained": (57.38, 49.37, 66.09, 68.56),
        "fine-grained": (57.72, 55.31, 55.72, 62.24),
        "class-boundary": (89.74, 88.46, 90.13, 93.45),
    },
    "SigLIP-B": {
        "coarse-grained": (46.88, 51.72, 68.17, 68.47),
        "fine-grained": (53.44, 57.39, 57.71, 60.94),
        "class-boundary": (81.96, 90.81, 91.32, 93.75),
    },
    "SigLIP-So400m": {
        "coarse-grained": (50.24, None, 68.03, None),
        "fine-grained": (57.27, None, 58.86, None),
        "class-boundary": (90.42, None, 93.11, None),
    },
}

# Changes that the text states where the figure alone has the numbers, in percentage points or as it says.
STATED = {
    "Tab. 3": (
        "a person agrees with the majority of the others in 89.21 % of the class-boundary triplets (Sec. 2.2.2); of "
        "the other levels that number is not legible in the text at hand",
    ),
    "Fig. 3": (
        "images of the same basic category move much closer together, those of the same superordinate category "
        "somewhat, and those of different ones farther apart (Sec. 2.3)",
    ),
    "Fig. 4": (
        "1-shot accuracy rises for 32 of 40 combinations of model and data set, and falls a little for 8 (Sec. 2.4)",
        "DINOv2's on Pets is 2.7 times as high (Sec. 2.4)",
        "ViT-B's accuracy on entity13 is more than twice as high (Sec. 2.4)",
    ),
    "Fig. 12": ("10-shot accuracy rises by 2.4 points for ViT-S, 6.3 for ViT-B and 8.3 for ViT-L, on average (B.2.3)",),
    "Fig. 13": (
        "accuracy rises by 2.6 points on average over models and data sets (B.2.2)",
        "by 1.5 % on ImageNet ReaL, 5.6 points on ImageNet-A, 1.8 % on ImageNet-C, 1.4 % on ImageNet-R (B.2.2)",
        "the SigLIP models lose a little on ImageNet-C and -R (B.2.2)",
    ),
    "Fig. 14": (
        "1-shot accuracy rises only slightly with the number of images, over 3 orders of magnitude (B.2.3)",
        "it rises with the number of triplets, over 4 orders of magnitude, with diminishing returns (B.2.3)",
    ),
    "Fig. 15": (
        "odd-one-out accuracy is substantially worse with an unaligned teacher (B.2.3)",
        "1-shot accuracy is a little worse; most differences favour the aligned teacher, by an ANOVA (B.2.3)",
    ),
    "Fig. 16": (
        "random triplets are consistently and substantially worse than cluster-boundary ones (B.2.3)",
        "class-boundary triplets are as good as cluster-boundary ones (B.2.3)",
    ),
    "Fig. 17": (
        "training on THINGS itself is worse than AligNet in 1-shot accuracy, nearly always worse than no training, and "
        "worse in odd-one-out accuracy on THINGS (B.2.3)",
    ),
}

# Whose numbers are not legible in the text that these were taken from.
NOT_LEGIBLE = ("Tab. 1", "Tab. 2", *(f"Fig. {n}" for n in (2, 3, 4, 12, 13, 14, 15, 16, 17)))
