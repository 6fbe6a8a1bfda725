"""The model that an aligned one started from, and the licence that it passes on."""

import re
from pathlib import Path

import httpx2
from huggingface_hub import RepoCard, constants, get_session, hf_hub_url, metadata_load, try_to_load_from_cache
from huggingface_hub.utils import build_hf_headers
from transformers import PreTrainedModel
from yaml import YAMLError

from alignet_hf.hub.alignment import Alignment

_BEFORE = {
    "alignet": "already aligned with people",
    "unalignet": "UnAligNet, a control that is not aligned with people",
    "original": "before any alignment with people",
    "human": "trained on people's odd-one-out choices",
}
TIMEOUT = 5  # seconds; a card must not keep a training run waiting


def base_of(model: PreTrainedModel) -> Alignment:
    """The base model and its licence, as far as the model itself and the base model's card tell.

    An AligNet model that is aligned again stands on itself if it has a name on the Hub, else on what it stood on.
    """
    if own := model.name_or_path:
        if is_hub_id(own):
            return Alignment(base_model=own, **license_of(own))
        return _passed_on(Alignment.read(own))
    base = model.backbone.name_or_path
    if base and not is_hub_id(base) and (kept := Alignment.read(base)) != Alignment():  # an export
        return _passed_on(kept)
    return Alignment(base_model=base if is_hub_id(base) else None, **(license_of(base) if base else {}))


def _passed_on(kept: Alignment) -> Alignment:
    """What a student's record keeps of the record of the model that it began as."""
    made = {"setting": kept.setting, "people": kept.people, **kept.source} if kept.source else {}
    made = {key: value for key, value in made.items() if value is not None}
    file = kept.source.get("checkpoint") or kept.source.get("file")
    before = _BEFORE.get(kept.setting, "whether it is aligned with people is not recorded")
    return Alignment(
        base_model=kept.base_model,
        base=f"{file} ({before})" if file else kept.base,
        base_made=kept.base_made | made,
        license=kept.license,
        license_name=kept.license_name,
        license_link=kept.license_link,
    )


def is_hub_id(name: str) -> bool:
    """Whether a name can only be a Hub repository's: not a folder here, and of the Hub's form."""
    return bool(re.fullmatch(r"(\w[\w.-]*/)?\w[\w.-]*", name)) and not Path(name).exists()


def license_of(base_model: str) -> dict[str, str]:
    """The licence that a model's card states, in a folder or on the Hub -> license, license_name, license_link."""
    try:
        stated = _card_metadata(base_model)
    except (OSError, httpx2.HTTPError, ValueError, YAMLError):  # no card, no Hub, no header
        return {}
    return {key: str(stated[key]) for key in ("license", "license_name", "license_link") if stated.get(key)}


def _card_metadata(base_model: str) -> dict:
    if Path(base_model).is_dir():
        return metadata_load(Path(base_model, "README.md")) or {}
    if not constants.HF_HUB_OFFLINE:
        # One plain request: the client's own download tries again for minutes where the Hub does not answer.
        address = hf_hub_url(base_model, "README.md")
        answer = get_session().get(address, headers=build_hf_headers(), timeout=TIMEOUT, follow_redirects=True)
        if answer.is_success:
            return RepoCard(answer.text, ignore_metadata_errors=True).data.to_dict()
    cached = try_to_load_from_cache(base_model, "README.md")
    return (metadata_load(cached) or {}) if isinstance(cached, str) else {}
