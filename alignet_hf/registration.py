"""Makes the AligNet classes known to transformers' Auto classes.

Two ways lead from a saved folder to its model: after `import alignet_hf`, the Auto classes find the classes here, with
no question asked; without this package, `trust_remote_code=True` runs the copies of the three code files that
`save_pretrained` puts into the folder.
"""

from transformers import AutoConfig, AutoImageProcessor, AutoModel, AutoModelForImageClassification

from alignet_hf.configuration_alignet import AligNetVisionConfig
from alignet_hf.image_processing_alignet import AligNetImageProcessor
from alignet_hf.modeling_alignet import AligNetForImageClassification, AligNetVisionModel

AutoConfig.register(AligNetVisionConfig.model_type, AligNetVisionConfig)
AutoModel.register(AligNetVisionConfig, AligNetVisionModel)
AutoModelForImageClassification.register(AligNetVisionConfig, AligNetForImageClassification)
# The one class serves both of the names that transformers looks for, with torchvision installed and without it.
AutoImageProcessor.register(
    AligNetVisionConfig,
    image_processor_classes={"pil": AligNetImageProcessor, "torchvision": AligNetImageProcessor},
)

AligNetVisionConfig.register_for_auto_class()
AligNetVisionModel.register_for_auto_class("AutoModel")
AligNetForImageClassification.register_for_auto_class("AutoModelForImageClassification")
AligNetImageProcessor.register_for_auto_class()
