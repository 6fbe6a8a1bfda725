"""What is known of a converted model's making: the record that its card is written from."""

from collections.abc import Mapping

from alignet_hf.convert.reading import Reading
from alignet_hf.convert.released import LICENSE, LICENSE_LINK
from alignet_hf.convert.saved_model import INDEX
from alignet_hf.convert.source import Source
from alignet_hf.convert.verify import Difference
from alignet_hf.hub.alignment import Alignment

LICENSE_NAME = "alignet-checkpoints"
PEOPLE = "the online participants of THINGS, who made 4.7 million odd-one-out choices (Hebart et al., 2023)"
# Of the paper: https://arxiv.org/abs/2409.06509.
TRIPLETS = {
    "alignet": "AligNet: ten million triplets of ImageNet images, answered by a teacher aligned with people",
    "unalignet": "triplets of ImageNet images, answered by a teacher that was not aligned with people",
}
OF_AN_INDEX = "of the index, which holds the checksums of the data"
# What the base model's own card on the Hub states, where it can only be this one.
_BASE_LICENSES = {
    "SigLIP-B": "apache-2.0 (google/siglip-base-patch16-224)",
    "SigLIP2-B": "apache-2.0 (google/siglip2-base-patch16-224)",
    "DINOv1-B": "apache-2.0 (facebook/dino-vitb16)",
    "DINOv2-B": "apache-2.0 (facebook/dinov2-base)",
}


def record_of(source: Source, reading: Reading, differences: Mapping[str, Difference] | None = None) -> Alignment:
    """The record of a conversion; of the authors' checkpoints also what they say of them.

    Args:
        source: what was converted.
        reading: what its variables were taken for.
        differences: from the SavedModel's own outputs, where both were run.
    """
    facts = {
        "file": source.file,
        "url": source.url,
        "size": source.size,
        "sha256": source.sha256,
        "size and sha256 are": OF_AN_INDEX if source.file == INDEX.as_posix() else None,
        "read as": f"{reading.name}: {reading.description}",
        "stored as": source.variables.conversion and source.variables.conversion.rpartition(": ")[2],
        "largest difference from the SavedModel": _told(differences) if differences else None,
        **source.notes,
    }
    facts = {key: value for key, value in facts.items() if value is not None}
    released = source.released
    if released is None:
        return Alignment(source=facts)
    return Alignment(
        base=f"{released.model} of the authors' release",
        license="other",
        license_name=LICENSE_NAME,
        license_link=LICENSE_LINK,
        setting=released.setting,
        people=PEOPLE if released.setting == "alignet" else None,
        training_data={"triplets": TRIPLETS[released.setting]} if released.setting in TRIPLETS else {},
        source={
            "checkpoint": released.name,
            "variant": f"{released.variant}: {released.described}",
            **facts,
            **({} if released.doubt is None else {"layout": released.doubt}),
            "licence": f"{LICENSE}; a licence file in the archive, if it has one, is not copied here",
            "licence of the original model": _BASE_LICENSES.get(released.model, "not known here; ask its makers"),
        },
    )


def _told(differences: Mapping[str, Difference]) -> str:
    return ", ".join(
        f"{name} {difference.largest:.2g} (they reach {difference.scale:.3g})"
        for name, difference in differences.items()
    )
