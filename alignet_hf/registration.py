"""Makes the AligNet classes known to transformers' Auto classes, as soon as these are imported and no sooner.

Two ways lead from a saved folder to its model: after `import alignet_hf`, the Auto classes find the classes here, with
no question asked; without this package, `trust_remote_code=True` runs the copies of the three code files that
`save_pretrained` puts into the folder.

transformers takes seconds to import, and a command's `--help` needs none of it. So nothing is imported here: a module
of Auto classes brings the module of ours that it must know, and each of ours, imported by whomever, is registered. The
models come with the first configuration, which is what AutoModel finds a model by.
"""

from importlib import import_module

from alignet_hf.after_import import after_import

_AUTO = "transformers.models.auto"


def register_when_imported() -> None:
    """Watch for the Auto classes and for ours."""
    after_import("alignet_hf.configuration_alignet", _register_configuration)
    after_import("alignet_hf.image_processing_alignet", _register_image_processor)
    after_import("alignet_hf.modeling_alignet", _register_models)
    after_import(f"{_AUTO}.configuration_auto", lambda: import_module("alignet_hf.configuration_alignet"))
    after_import(f"{_AUTO}.image_processing_auto", lambda: import_module("alignet_hf.image_processing_alignet"))
    after_import(f"{_AUTO}.video_processing_auto", _register_no_video_processor)


def _register_configuration() -> None:
    from transformers import AutoConfig

    from alignet_hf.configuration_alignet import AligNetVisionConfig

    def new(cls, *args, **kwargs):
        import_module("alignet_hf.modeling_alignet")
        return super(AligNetVisionConfig, cls).__new__(cls)

    AligNetVisionConfig.__new__ = new
    AutoConfig.register(AligNetVisionConfig.model_type, AligNetVisionConfig)
    AligNetVisionConfig.register_for_auto_class()


def _register_image_processor() -> None:
    from transformers.models.auto.image_processing_auto import AutoImageProcessor  # `from transformers`: torchvision

    from alignet_hf.configuration_alignet import AligNetVisionConfig
    from alignet_hf.image_processing_alignet import AligNetImageProcessor

    # The one class serves both of the names that transformers looks for, with torchvision installed and without it.
    AutoImageProcessor.register(
        AligNetVisionConfig,
        image_processor_classes={"pil": AligNetImageProcessor, "torchvision": AligNetImageProcessor},
    )
    AligNetImageProcessor.register_for_auto_class()


def _register_no_video_processor() -> None:
    from transformers.models.auto.video_processing_auto import AutoVideoProcessor  # `from transformers`: torchvision

    from alignet_hf.configuration_alignet import AligNetVisionConfig

    # Pipelines ask for a video processor too, and do without. They infer one from the image processor's remote code
    # and would ask whether to run that; with this entry, which names none, they do not.
    AutoVideoProcessor.register(AligNetVisionConfig, video_processor_classes={})


def _register_models() -> None:
    from transformers import AutoModel, AutoModelForImageClassification

    from alignet_hf.configuration_alignet import AligNetVisionConfig
    from alignet_hf.modeling_alignet import AligNetForImageClassification, AligNetPreTrainedModel, AligNetVisionModel

    AutoModel.register(AligNetVisionConfig, AligNetVisionModel)
    AutoModelForImageClassification.register(AligNetVisionConfig, AligNetForImageClassification)
    AligNetVisionModel.register_for_auto_class("AutoModel")
    AligNetForImageClassification.register_for_auto_class("AutoModelForImageClassification")
    # Put in place here because the class's own file must run without this package. transformers' own would write its
    # generic card, or none, and leave the image processor and its code behind.
    AligNetPreTrainedModel.push_to_hub = _push_to_hub
    AligNetPreTrainedModel._upload_modified_files = _upload_modified_files


def _push_to_hub(self, repo_id: str, **options) -> str:
    """Push the model, its image processor, code and card in one commit; see `alignet_hf.hub.models.push_model`."""
    from alignet_hf.hub.models import push_model

    return push_model(self, repo_id, **options)


def _upload_modified_files(self, working_dir, repo_id, files_timestamps, commit_description=None, **options) -> str:
    """What `save_pretrained(folder, push_to_hub=True)` ends with: the folder made whole, and pushed in one commit."""
    from alignet_hf.hub.models import complete_folder
    from alignet_hf.hub.push import push_folder

    complete_folder(working_dir, repo_id)
    return push_folder(working_dir, repo_id, repo_type="model", **options)
