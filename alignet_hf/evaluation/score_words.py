"""The words of every score of `evaluate`, in one table: its name, what it says, its scale, which way is better."""

from dataclasses import dataclass

MORE, LESS, NEITHER = "more", "less", "neither side"


@dataclass(frozen=True)
class Kind:
    """Scores that stand on one axis.

    Attributes:
        title: of all of them.
        unit: of the axis.
    """

    title: str
    unit: str


ACCURACY = Kind("Accuracies", "share that is right")
CORRELATION = Kind("Correlations", "correlation")
RETRIEVAL = Kind("Retrieval", "share found")
DETECTION = Kind("Detection of images of other classes", "area under the ROC curve")
ERROR_RATE = Kind("Error rates", "share that is wrong")
BESIDE_ALEXNET = Kind("Errors beside AlexNet's", "ratio")
CALIBRATION = Kind("Calibration errors", "mean gap of probability and share")
BRIER = Kind("Brier scores", "squared error, 0 to 2")
LOG_LOSS = Kind("Log-losses", "nats")
ACCURACY_CHANGE = Kind("Changes of accuracy", "difference of shares")
TOGETHER = Kind("Neighbours and categories", "share that belongs together")
LIKENESS = Kind("Likeness of the two encoders", "1 where they are alike")
VARIANCE = Kind("Variance of the first components", "share of the variance")
DIMENSIONS = Kind("Dimensions that are used", "number of dimensions")
DISTANCE_CHANGE = Kind("Changes of distances", "standard deviations")
OTHER = Kind("Other scores", "score")
KINDS = (
    *(ACCURACY, CORRELATION, RETRIEVAL, DETECTION, ERROR_RATE, BESIDE_ALEXNET, CALIBRATION, BRIER, LOG_LOSS),
    *(ACCURACY_CHANGE, TOGETHER, LIKENESS, VARIANCE, DIMENSIONS, DISTANCE_CHANGE, OTHER),
)


_SETS = "choices|things|levels|matrices|cichy|king|peterson|ratings|multi-arrangement"
_LEVELS = "same_basic|same_superordinate|different_superordinate"
# Identifier -> title, what it says, kind, which way is better. {group} is what the group matched, in the words below;
# of {part}, {of} and {outside}, which need not be there, what leads to them belongs to the word.
TABLE = {
    rf"(?P<set>{_SETS})_odd_one_out_accuracy(?:/(?P<part>.+))?": (
        "Odd-one-out accuracy, {set}{part}",
        "Of three images, how often the encoder picks the odd one out that people pick.",
        ACCURACY,
        MORE,
    ),
    r"levels_agreement_with_responses/(?P<part>.+)": (
        "Agreement with single responses, Levels{part}",
        "How often the encoder's odd one out is that of one person's response, each response counted.",
        ACCURACY,
        MORE,
    ),
    rf"(?P<set>{_SETS})_rsa_(?P<correlation>spearman|pearson|kendall)(?P<each>_by_person)?(?:/(?P<part>.+))?": (
        "Similarities like people's (RSA), {set}{part}{each} ({correlation})",
        "The correlation, over pairs of images, of the encoder's similarities with people's.",
        CORRELATION,
        MORE,
    ),
    r"levels_uncertainty_rt_correlation/(?P<part>.+)": (
        "Uncertainty and response time, Levels{part}",
        "The rank correlation of how unsure the encoder is of a triplet with how long people take over it.",
        CORRELATION,
        MORE,
    ),
    r"levels_calibration/(?P<part>.+)": (
        "Calibration error on people's choices, Levels{part}",
        "The mean gap of the encoder's probability of a choice and the share of people who make it.",
        CALIBRATION,
        LESS,
    ),
    r"few_shot_accuracy/(?:(?P<of>.+)/)?(?P<shots>\d+)-shot(?P<method>-logistic)?": (
        "{shots}-shot accuracy{of}{method}",
        "The share of test images that a linear classifier gets right, taught {shots} of the training images of each "
        "class; mean over draws of them.",
        ACCURACY,
        MORE,
    ),
    r"readout_accuracy": (
        "Accuracy of the linear read-out",
        "The share of test images that a linear classifier trained on all training images gets right.",
        ACCURACY,
        MORE,
    ),
    r"robustness_accuracy/imagenet-real": (
        "Accuracy on ImageNet ReaL",
        "The share of ImageNet's validation images of which the read-out names one of the classes that people found.",
        ACCURACY,
        MORE,
    ),
    r"robustness_accuracy/(?P<images>.+)": (
        "Accuracy on {images}",
        "The share of these images that the read-out, trained on ImageNet's own, gets right.",
        ACCURACY,
        MORE,
    ),
    r"knn_accuracy/(?P<k>\d+)": (
        "Accuracy of {k} nearest neighbours",
        "The share of test images whose class the nearest training images elect, nearer ones with more weight.",
        ACCURACY,
        MORE,
    ),
    r"knn_accuracy/(?P<k>\d+)-majority": (
        "Accuracy of {k} nearest neighbours, by majority",
        "The share of test images whose class the nearest training images elect, one vote each.",
        ACCURACY,
        MORE,
    ),
    r"breeds_source_accuracy/(?P<task>.+)": (
        "Accuracy on known kinds, BREEDS {task}",
        "Of a read-out of superclasses: the share of test images it gets right of the classes it was trained on.",
        ACCURACY,
        MORE,
    ),
    r"breeds_target_accuracy/(?P<task>.+)": (
        "Accuracy on new kinds, BREEDS {task}",
        "Of a read-out of superclasses: the share of test images it gets right of classes of theirs that it was not "
        "trained on.",
        ACCURACY,
        MORE,
    ),
    r"breeds_accuracy_change/(?P<task>.+)": (
        "Change of accuracy on new kinds, BREEDS {task}",
        "The accuracy on new classes less that on known ones: below 0 where subpopulation shift costs accuracy.",
        ACCURACY_CHANGE,
        MORE,
    ),
    r"corruption_error/(?P<corruption>.+)": (
        "Error under {corruption}",
        "The share of corrupted images that the read-out gets wrong, mean over five severities.",
        ERROR_RATE,
        LESS,
    ),
    r"mean_corruption_error": (
        "Mean corruption error",
        "The share of corrupted images that the read-out gets wrong, mean over all corruptions and severities.",
        ERROR_RATE,
        LESS,
    ),
    r"mean_corruption_error/alexnet": (
        "Mean corruption error beside AlexNet's (mCE)",
        "The error under each corruption as a ratio to AlexNet's, mean over the corruptions.",
        BESIDE_ALEXNET,
        LESS,
    ),
    r"mean_corruption_error/alexnet-relative": (
        "Relative mean corruption error beside AlexNet's",
        "What each corruption adds to the error, as a ratio to what it adds to AlexNet's, mean over the corruptions.",
        BESIDE_ALEXNET,
        LESS,
    ),
    r"ood_auroc/(?:(?P<outside>.+)/)?(?P<by>[^/]+)": (
        "Detection{outside}, by {by}",
        "The probability that an image of no training class is found to lie further out than a test image of one.",
        DETECTION,
        MORE,
    ),
    r"ood_fpr95/(?:(?P<outside>.+)/)?(?P<by>[^/]+)": (
        "Images of other classes that pass{outside}, by {by}",
        "The share of images of no training class that pass for one where 95 % of the test images pass.",
        ERROR_RATE,
        LESS,
    ),
    r"calibration_error/(?P<scaled>scaled|unscaled)": (
        "Calibration error of the read-out, {scaled}",
        "The mean gap of the read-out's probability of the class it chooses and how often that is right.",
        CALIBRATION,
        LESS,
    ),
    r"brier_score/(?P<scaled>scaled|unscaled)": (
        "Brier score of the read-out, {scaled}",
        "The squared distance of the read-out's probabilities from the right answer, mean over test images.",
        BRIER,
        LESS,
    ),
    r"log_loss/(?P<scaled>scaled|unscaled)": (
        "Log-loss of the read-out, {scaled}",
        "Minus the log of the probability that the read-out gives the right class, mean over test images.",
        LOG_LOSS,
        LESS,
    ),
    r"retrieval_map": (
        "Mean average precision of retrieval",
        "With all images ranked by similarity to a query, how far those of its class come before all others.",
        RETRIEVAL,
        MORE,
    ),
    r"retrieval_r_precision": (
        "R-precision of retrieval",
        "The share of a query's class among the first R ranked images, R being how many of its class there are.",
        RETRIEVAL,
        MORE,
    ),
    r"retrieval_precision/(?P<k>\d+)": (
        "Precision of retrieval, first {k}",
        "The share of a query's class among the first {k} of the ranking.",
        RETRIEVAL,
        MORE,
    ),
    r"retrieval_recall/(?P<k>\d+)": (
        "Recall of retrieval, first {k}",
        "The share of queries with an image of their class among the first {k} of the ranking.",
        RETRIEVAL,
        MORE,
    ),
    r"variance_explained/first-1": (
        "Variance held by the first component",
        "The share of the representation's variance that lies along its largest principal component.",
        VARIANCE,
        NEITHER,
    ),
    r"variance_explained/first-(?P<k>\d+)": (
        "Variance held by components 1 to {k}",
        "The share of the representation's variance that its principal components 1 to {k} hold.",
        VARIANCE,
        NEITHER,
    ),
    r"effective_rank": (
        "Effective rank",
        "How many dimensions the representation uses, by the entropy of its singular values.",
        DIMENSIONS,
        NEITHER,
    ),
    r"participation_ratio": (
        "Participation ratio",
        "How many dimensions the representation uses, by the squares of its variances: large ones count more.",
        DIMENSIONS,
        NEITHER,
    ),
    r"components_for/(?P<share>\d+)%": (
        "Components for {share} % of the variance",
        "How many principal components hold so much of the representation's variance.",
        DIMENSIONS,
        NEITHER,
    ),
    r"tree_correlation/(?P<correlation>pearson|spearman)": (
        "Agreement with the hierarchy ({correlation})",
        "The correlation of classes' distances in the representation with those in the hierarchy of kinds.",
        CORRELATION,
        MORE,
    ),
    r"cophenetic_correlation": (
        "How much of a tree it is (cophenetic correlation)",
        "The correlation of classes' distances with the heights at which their dendrogram joins them.",
        CORRELATION,
        MORE,
    ),
    r"dendrogram_purity/(?P<level>basic|superordinate)": (
        "Purity of the dendrogram, {level} categories",
        "Of two classes of one category, how pure the smallest branch of the dendrogram is that holds both.",
        TOGETHER,
        MORE,
    ),
    r"dendrogram_purity/class": (
        "Purity of the dendrogram, classes",
        "Of two images of one class, how pure the smallest branch of the dendrogram is that holds both.",
        TOGETHER,
        MORE,
    ),
    r"neighbours_same_category": (
        "Neighbours of the same category",
        "The share of an image's nearest neighbours that are of its superordinate category.",
        TOGETHER,
        MORE,
    ),
    r"neighbours_kept": (
        "Neighbours kept",
        "The share of an image's nearest neighbours before that are among its nearest after.",
        LIKENESS,
        NEITHER,
    ),
    r"cka": (
        "Centred kernel alignment (CKA)",
        "How alike the two encoders' similarities of the images are, large differences counting more.",
        LIKENESS,
        NEITHER,
    ),
    r"rsm_correlation": (
        "Correlation of similarity matrices",
        "The correlation, over pairs of images, of the two encoders' similarities.",
        LIKENESS,
        NEITHER,
    ),
    r"distance_change/block_structure": (
        "Growth of distances between categories less within",
        "How much more distances grow between basic categories of different superordinates than within one: above 0 "
        "where kinds come together.",
        DISTANCE_CHANGE,
        MORE,
    ),
    r"scaled_distance_change/block_structure": (
        "Growth of scaled distances between categories less within",
        "How much more distances grow between basic categories of different superordinates than within one, each "
        "encoder's divided by their mean, which leaves out that an encoder grew: above 0 where kinds come together.",
        DISTANCE_CHANGE,
        MORE,
    ),
    rf"distance_change/(?P<level>{_LEVELS})": (
        "Change of distances, {level}",
        "How far the distances of such pairs changed beside those of all pairs: below 0 where they came together.",
        DISTANCE_CHANGE,
        NEITHER,
    ),
    rf"scaled_distance_change/(?P<level>{_LEVELS})": (
        "Change of scaled distances, {level}",
        "How far the distances of such pairs changed beside those of all pairs, each encoder's divided by their mean, "
        "which leaves out that an encoder grew: below 0 where they came together.",
        DISTANCE_CHANGE,
        NEITHER,
    ),
}
WORDS = {  # group -> what it matched -> how that is said; others as they are, without underscores
    "set": {
        "choices": "choices",
        "things": "THINGS",
        "levels": "Levels",
        "matrices": "similarity matrices",
        "cichy": "Cichy 2019",
        "king": "King 2019",
        "peterson": "Peterson",
    },
    "correlation": {"spearman": "Spearman", "pearson": "Pearson", "kendall": "Kendall's tau"},
    "each": {"_by_person": ", person by person"},
    "method": {"-logistic": ", logistic regression"},
    "scaled": {"scaled": "with its temperature", "unscaled": "as the regression gave it"},
    "by": {
        "knn": "distance of neighbours",
        "mahalanobis": "Mahalanobis distance",
        "softmax": "the read-out's probability",
        "energy": "the read-out's energy",
    },
    "level": {
        "same_basic": "same basic category",
        "same_superordinate": "same superordinate category",
        "different_superordinate": "different superordinate categories",
    },
    "images": {"imagenet-v2": "ImageNet V2", "imagenet-a": "ImageNet-A", "imagenet-r": "ImageNet-R"},
}
LED_TO = {"part": ", {}", "of": " on {}", "outside": " ({})"}
