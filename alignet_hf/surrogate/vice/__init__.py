"""VICE: variational embeddings of objects from people's odd-one-out choices (Muttenthaler et al., 2022)."""

__all__ = ["Vice"]


def __getattr__(name: str):  # not an import: the command line comes by here, and its help needs no torch
    if name != "Vice":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from alignet_hf.surrogate.vice.posterior import Vice

    return Vice
