"""An encoder's embeddings of images, each image's made once, whatever the number of tests that read it.

    FOLDER/ENCODER/PART/embeddings.safetensors     the embeddings of the images that a call found missing
                       keys.npy                    which images these are (`image_keys`), written when all are there

ENCODER is a digest of the weights, the configuration and the processor; a part is written as `alignet-hf embed` writes,
and goes on where it was stopped. Without a folder the parts are in memory.
"""

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from alignet_hf.data.images import SomeImages, image_names
from alignet_hf.data.images.undecodable import OnBad, stopping_message
from alignet_hf.distill.processes import this_process
from alignet_hf.encoders import encoder_named, open_teacher
from alignet_hf.errors import InputError
from alignet_hf.evaluation.vision.image_keys import image_keys
from alignet_hf.evaluation.vision.labelled import LabelledEmbeddings
from alignet_hf.evaluation.vision.labelled_images import LabelledImages
from alignet_hf.hardware import suitable_workers
from alignet_hf.hub.artifacts import make_folder, replacing
from alignet_hf.surrogate.embed import embed_images
from alignet_hf.surrogate.embedder import Embedder
from alignet_hf.surrogate.embeddings import Embeddings

MANY = 500  # images, from which on processes of their own decode them
_KEYS = "keys.npy"
_ENCODER = re.compile(r"[0-9a-f]{16}")  # the name of a folder


class EmbeddingStore:
    """The embeddings of one encoder.

    Args:
        model: a module or callable that `embed_images` takes.
        processor: of its images.
        folder: to keep the embeddings in; None keeps them in memory.
        name: of the model, for the embeddings' metadata.
        on_bad: "raise" stops at an image that cannot be decoded, "skip" leaves it out.
        batch_size, device, progress: `embed_images`'s.
        say: called with how many images are embedded next, and by what encoder.
        num_workers: the same; None for what suits the machine, where there are many images.

    Attributes:
        undecodable: names of images that were skipped, and why.

    Raises:
        InputError: the folder holds something else.
    """

    def __init__(
        self,
        model,
        processor,
        *,
        folder: str | Path | None = None,
        name: str | None = None,
        on_bad: OnBad = "raise",
        batch_size: int = 32,
        num_workers: int | None = None,
        device=None,
        progress: bool = True,
        say: Callable[[str], None] = lambda work: None,
    ):
        self.model, self.processor, self.name, self.on_bad = model, processor, name, on_bad
        self.num_workers, self.say = num_workers, say
        self.options = {"batch_size": batch_size, "device": device, "progress": progress}
        self.parts: list[Embeddings] = []
        self.place_of: dict[bytes, tuple[int, int]] = {}  # key of an image -> its part, its row there
        self.undecodable: dict[str, str] = {}
        self.folder = None
        if folder is not None:
            _check_folder(Path(folder))
            self.folder = make_folder(Path(folder) / encoder_digest(model, processor))
            for keys in sorted(self.folder.glob(f"*/{_KEYS}")):
                self._add(Embeddings.from_pretrained(keys.parent), np.load(keys, allow_pickle=False))

    @classmethod
    def open(
        cls,
        model: str,
        *,
        folder: str | Path | None = None,
        image_size: int | None = None,
        pooling: str = "auto",
        on_bad: OnBad = "raise",
        say: Callable[[str], None] = lambda work: None,
    ) -> "EmbeddingStore":
        """Of an encoder that the command line names: a Hub id, a folder, demo-teacher or demo-student."""
        encoder, processor = open_teacher(encoder_named(model, image_size=image_size, pooling=pooling))
        device = this_process().device
        return cls(encoder, processor, folder=folder, name=model, on_bad=on_bad, device=device, say=say)

    def naming(self, say: Callable[[str], None]) -> Callable[[str], None]:
        """`say`, with the encoder's name before what is said: each test is run once an encoder."""
        return say if self.name is None else lambda test: say(f"{self.name}: {test}")

    def embed(self, images: Sequence, *, say: bool = True) -> np.ndarray:
        """The embeddings of an image source, those that are missing made now.

        Args:
            images: N images.
            say: False where whoever asks has said what is done.

        Returns:
            (N, D) float32; a row is NaN where the image cannot be decoded.

        Raises:
            InputError: an image that cannot be decoded, unless they are skipped.
        """
        keys = image_keys(images)
        _, first_rows = np.unique(keys, return_index=True)
        missing = np.array([row for row in np.sort(first_rows) if keys[row] not in self.place_of], np.int64)
        if len(missing):
            if say:
                n_images = f"{len(missing):,} image{'' if len(missing) == 1 else 's'}"
                self.naming(self.say)(f"embedding {n_images}")
            whole = len(missing) == len(images)
            self._make(images if whole else SomeImages(images, missing), keys[missing])
        return self._rows(keys, image_names(images))

    def put(self, images: Sequence, embeddings: np.ndarray) -> None:
        """Keep embeddings that were made elsewhere, by this encoder, of images that are not here yet.

        Args:
            images: N images, which are not decoded.
            embeddings: (N, D) float32.
        """
        keys, made = image_keys(images), Embeddings(embeddings, list(image_names(images)), model=self.name)
        if self.folder is not None:
            part = self._part(keys)
            made.save_pretrained(part)
            made = Embeddings.from_pretrained(part)
            self._write_keys(part, keys)
        self._add(made, keys)

    def embed_labelled(self, images: LabelledImages, *, keep: bool = True) -> LabelledEmbeddings:
        """Embeddings with the images' classes; without those that cannot be decoded, where they are skipped.

        Args:
            images: labelled images.
            keep: False where nothing else reads them and no folder keeps them: they are then not held in memory, and
                that they are embedded is not said anew.

        Raises:
            InputError: as `embed`; or no image of a source can be decoded.
        """
        n_parts = len(self.parts)
        embeddings = self.embed(images.images, say=keep)
        if not keep and self.folder is None:
            self._forget(n_parts)
        decoded = np.flatnonzero(~np.isnan(embeddings[:, 0]))
        if not len(decoded):
            raise InputError(f"{images.name}: no image can be decoded")
        labels, names = images.labels, image_names(images.images)
        if len(decoded) < len(embeddings):
            embeddings, labels = embeddings[decoded], labels[decoded]
            names = [names[row] for row in decoded.tolist()]
        return LabelledEmbeddings(embeddings, labels, images.classes, names)

    def decodable(self, images: LabelledImages) -> LabelledImages:
        """The images that `embed_labelled` gives embeddings of: for figures, which show them."""
        decoded = np.flatnonzero(~np.isnan(self.embed(images.images)[:, 0]))
        return images if len(decoded) == len(images) else images.of_rows(decoded)

    def _make(self, images: Sequence, keys: np.ndarray) -> None:
        """Embed images that no part has."""
        part = None if self.folder is None else self._part(keys)
        workers = self.num_workers
        if workers is None:  # to start them takes as long as some hundred images
            workers = suitable_workers(this_process().device.type) if len(images) >= MANY else 0
        made = embed_images(
            self.model,
            images,
            processor=self.processor,
            output=part,
            on_bad=self.on_bad,
            num_workers=workers,
            known_as={} if self.name is None else {"model": self.name},
            **self.options,
        )
        if part is not None:
            self._write_keys(part, keys)
        self._add(made, keys)

    def _part(self, keys: np.ndarray) -> Path:
        """Where the embeddings of these images go."""
        return self.folder / hashlib.sha256(keys.tobytes()).hexdigest()[:16]

    def _write_keys(self, part: Path, keys: np.ndarray) -> None:
        with replacing(part / _KEYS) as path, path.open("wb") as file:
            np.save(file, keys)

    def _add(self, part: Embeddings, keys: np.ndarray) -> None:
        if len(part) != len(keys):
            raise InputError(f"{self.folder}: a part holds {len(part)} embeddings and {len(keys)} keys; remove it")
        for row, key in enumerate(keys.tolist()):
            self.place_of.setdefault(key, (len(self.parts), row))
        self.parts.append(part)

    def _forget(self, n_parts: int) -> None:
        """Leave in memory the first parts alone."""
        self.parts = self.parts[:n_parts]
        self.place_of = {key: place for key, place in self.place_of.items() if place[0] < n_parts}

    def _rows(self, keys: np.ndarray, names: Sequence[str]) -> np.ndarray:
        places = np.array([self.place_of[key] for key in keys.tolist()], np.int64)
        undecodable = {
            row: self.parts[part].undecodable[place]
            for row, (part, place) in enumerate(places.tolist())
            if place in self.parts[part].undecodable
        }
        if undecodable and self.on_bad == "raise":  # a run that skipped them kept their rows
            raise InputError(stopping_message(undecodable))
        self.undecodable |= {names[row]: why for row, why in undecodable.items()}
        parts = np.unique(places[:, 0])
        if len(parts) == 1 and np.array_equal(places[:, 1], np.arange(len(self.parts[parts[0]]))):
            return self.parts[parts[0]].array  # a whole part as it lies, memory-mapped perhaps
        rows = np.empty((len(keys), self.parts[parts[0]].shape[1]), np.float32)
        for part in parts.tolist():
            of_part = np.flatnonzero(places[:, 0] == part)
            rows[of_part] = self.parts[part].array[places[of_part, 1]]
        return rows


def _check_folder(folder: Path) -> None:
    """Refuse a folder, of images say, in which something is and nothing of a store."""
    there = [entry.name for entry in folder.iterdir() if not entry.name.startswith(".")] if folder.is_dir() else []
    if there and not any(_ENCODER.fullmatch(name) for name in there):
        raise InputError(
            f"{folder}: holds {min(there)}, which is no embeddings that evaluate keeps; give --embeddings a folder of "
            "its own"
        )


def encoder_digest(model, processor) -> str:
    """16 hexadecimal digits of what an encoder's embeddings depend on: weights, configuration, and processor.

    Of a callable that is no module, or a processor that does not say its settings, only the kind is seen.
    """
    embedder = Embedder(model, processor, None, None, False)
    config = getattr(embedder.model, "config", None)
    described = {
        "weights": embedder.fingerprint(),
        "model": _kind(embedder.model),
        "config": _settings(config.to_dict()) if hasattr(config, "to_dict") else None,
        "processor": _kind(processor),
        "settings": _settings(processor.to_dict()) if hasattr(processor, "to_dict") else None,
    }
    return hashlib.sha256(json.dumps(described, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _kind(one) -> str:
    named = one if hasattr(one, "__qualname__") else type(one)
    return f"{named.__module__}.{named.__qualname__}"


def _settings(described):
    """Without what says where a configuration came from (`_name_or_path`, the version that wrote it)."""
    if isinstance(described, dict):
        left_out = ("transformers_version",)
        return {
            key: _settings(value)
            for key, value in described.items()
            if not str(key).startswith("_") and key not in left_out
        }
    return [_settings(one) for one in described] if isinstance(described, list | tuple) else described
