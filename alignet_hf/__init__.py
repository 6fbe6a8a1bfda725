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
    "DenseCollator": "data.collator",
    "Dissimilarities": "data.similarity_matrices",
    "Embeddings": "surrogate.embeddings",
    "HeldOutTriplets": "distill.held_out",
    "InputError": "errors",
    "LevelsDataset": "data.levels",
    "Result": "evaluation.statistics",
    "TripletCollator": "data.collator",
    "TripletHardLoss": "distill.losses",
    "TripletJSDLoss": "distill.losses",
    "TripletKLLoss": "distill.losses",
    "UncertaintyDistillation": "surrogate.uncertainty_distillation",
    "Vice": "surrogate.vice",
    "adjust_p_values": "evaluation.comparison",
    "cache_images": "data.images",
    "calibration": "evaluation.human.calibration",
    "cluster_embeddings": "surrogate.cluster",
    "combine_arrangements": "data.multi_arrangement",
    "compare_models": "evaluation.comparison",
    "convert_checkpoint": "convert.converting",
    "convert_teacher": "convert.teacher",
    "convert_triplets": "convert.triplets",
    "dense_triplet_loss": "distill.dense",
    "download_released": "convert.converting",
    "draw_results": "evaluation.result_drawing",
    "embed_images": "surrogate.embed",
    "image_rows": "data.collator",
    "load_alignet": "data.alignet",
    "load_images": "data.images",
    "load_levels": "data.levels",
    "load_multi_arrangement_set": "data.similarity_sets",
    "load_objects92": "data.similarity_sets",
    "load_peterson": "data.similarity_sets",
    "load_things": "data.things",
    "matrix_noise_ceiling": "evaluation.human.matrix_noise_ceiling",
    "model_similarities": "evaluation.human.odd_one_out",
    "noise_ceiling": "evaluation.human.noise_ceiling",
    "odd_one_out_accuracy": "evaluation.human.odd_one_out",
    "push_alignet": "data.alignet",
    "read_arrangements": "data.multi_arrangement",
    "read_ratings": "data.ratings",
    "repeated_measures_anova": "evaluation.anova",
    "respond": "surrogate.respond",
    "response_accuracy": "evaluation.human.responses",
    "results_frame": "evaluation.result_table",
    "rsa": "evaluation.human.rsa",
    "sample_triplets": "surrogate.sample",
    "save_responses": "surrogate.respond",
    "ud_experiment": "surrogate.ud_experiment",
    "triplets_on": "data.triplet_images",
    "uncertainty_rt_correlation": "evaluation.human.uncertainty",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__():
    return __all__
