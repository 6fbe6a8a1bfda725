"""Image sources: anything with a length that answers an index with an RGB PIL image.

A plain list of PIL images is one. Those here open a file only when it is asked for and hold nothing open, so
they can be sent to worker processes, forked or spawned. Rows are found by name too: `source.row_of(name)`.
"""

from alignet_hf.data.images.cache import CachedImages, cache_images
from alignet_hf.data.images.combined import ConcatImages, SomeImages
from alignet_hf.data.images.decoding import IMAGE_SUFFIXES, UndecodableImageError, open_image, to_rgb
from alignet_hf.data.images.hub_datasets import DatasetImages, StreamedImages
from alignet_hf.data.images.imagenet import open_imagenet
from alignet_hf.data.images.opening import load_images
from alignet_hf.data.images.parquet import ParquetImages
from alignet_hf.data.images.pixels import Geometry, PixelScaling
from alignet_hf.data.images.shards import TarImages
from alignet_hf.data.images.sources import (
    ArrayImages,
    ImageFolder,
    ImageList,
    ImageSource,
    image_names,
    images_fingerprint,
)
from alignet_hf.data.images.undecodable import find_undecodable

__all__ = [
    "IMAGE_SUFFIXES",
    "ArrayImages",
    "CachedImages",
    "ConcatImages",
    "DatasetImages",
    "Geometry",
    "ImageFolder",
    "ImageList",
    "ImageSource",
    "ParquetImages",
    "PixelScaling",
    "SomeImages",
    "StreamedImages",
    "TarImages",
    "UndecodableImageError",
    "cache_images",
    "find_undecodable",
    "image_names",
    "images_fingerprint",
    "load_images",
    "open_image",
    "open_imagenet",
    "to_rgb",
]
