"""Human-aligned vision encoders for the Hugging Face stack.

Importing this package makes the AligNet classes known to transformers' Auto classes; everything is imported when it
is first used.
"""

from importlib import import_module

from alignet_hf.registration import register_when_imported

register_when_imported()

__version__ = "0.1.0.dev0"

_HOMES = {
    "AligNetForImageClassification": "modeling_alignet",
    "AligNetImageProcessor": "image_processing_alignet",
    "AligNetTrainer": "distill.trainer",
    "AligNetTrainingArguments": "distill.arguments",
    "AligNetVisionConfig": "configuration_alignet",
    "AligNetVisionModel": "modeling_alignet",
    "Alignment": "hub.alignment",
    "Categories": "evaluation.representation.categories",
    "CorruptedImages": "evaluation.vision.corruptions",
    "DenseCollator": "data.collator",
    "Dissimilarities": "data.similarity_matrices",
    "DistanceChanges": "evaluation.representation.distance_changes",
    "Embeddings": "surrogate.embeddings",
    "HeldOutTriplets": "distill.held_out",
    "Hierarchy": "evaluation.representation.wordnet",
    "InputError": "errors",
    "LabelledEmbeddings": "evaluation.vision.labelled",
    "LevelsDataset": "data.levels",
    "LinearReadout": "evaluation.vision.linear_readout",
    "Result": "evaluation.statistics",
    "TripletCollator": "data.collator",
    "TripletHardLoss": "distill.losses",
    "TripletJSDLoss": "distill.losses",
    "TripletKLLoss": "distill.losses",
    "UncertaintyDistillation": "surrogate.uncertainty_distillation",
    "Vice": "surrogate.vice",
    "adjust_p_values": "evaluation.comparison",
    "breeds_tasks": "evaluation.vision.superclass_tasks",
    "cache_images": "data.images",
    "calibration": "evaluation.human.calibration",
    "calibration_of_readout": "evaluation.vision.readout_calibration",
    "cka": "evaluation.representation.similarity",
    "cluster_embeddings": "surrogate.cluster",
    "combine_arrangements": "data.multi_arrangement",
    "compare_models": "evaluation.comparison",
    "convert_checkpoint": "convert.converting",
    "convert_teacher": "convert.teacher",
    "convert_triplets": "convert.triplets",
    "dense_triplet_loss": "distill.dense",
    "distance_changes": "evaluation.representation.distance_changes",
    "download_released": "convert.converting",
    "draw_neighbours": "evaluation.representation.neighbour_figure",
    "draw_photographs": "evaluation.representation.projection_figures",
    "draw_results": "evaluation.result_drawing",
    "embed_images": "surrogate.embed",
    "few_shot": "evaluation.vision.few_shot",
    "hierarchy_scores": "evaluation.representation.hierarchy",
    "image_rows": "data.collator",
    "knn_accuracy": "evaluation.vision.neighbours",
    "load_alignet": "data.alignet",
    "load_images": "data.images",
    "load_levels": "data.levels",
    "load_multi_arrangement_set": "data.similarity_sets",
    "load_objects92": "data.similarity_sets",
    "load_peterson": "data.similarity_sets",
    "load_things": "data.things",
    "matrix_noise_ceiling": "evaluation.human.matrix_noise_ceiling",
    "model_similarities": "evaluation.human.odd_one_out",
    "nearest_neighbours": "evaluation.vision.neighbours",
    "neighbour_page": "evaluation.representation.neighbour_pages",
    "noise_ceiling": "evaluation.human.noise_ceiling",
    "odd_one_out_accuracy": "evaluation.human.odd_one_out",
    "open_labelled": "evaluation.vision.labelled_images",
    "out_of_distribution": "evaluation.vision.out_of_distribution",
    "project_models": "evaluation.representation.projection",
    "push_alignet": "data.alignet",
    "read_arrangements": "data.multi_arrangement",
    "read_ratings": "data.ratings",
    "repeated_measures_anova": "evaluation.anova",
    "respond": "surrogate.respond",
    "response_accuracy": "evaluation.human.responses",
    "results_frame": "evaluation.result_table",
    "retrieval": "evaluation.vision.retrieval",
    "robustness": "evaluation.vision.robustness",
    "rsa": "evaluation.human.rsa",
    "rsm_correlation": "evaluation.representation.similarity",
    "sample_triplets": "surrogate.sample",
    "save_responses": "surrogate.respond",
    "spectrum": "evaluation.representation.spectrum",
    "subpopulation_shift": "evaluation.vision.subpopulation_shift",
    "triplets_on": "data.triplet_images",
    "ud_experiment": "surrogate.ud_experiment",
    "uncertainty_rt_correlation": "evaluation.human.uncertainty",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__():
    return __all__
