"""The versions of what made a page."""

import platform
from importlib.metadata import PackageNotFoundError, version

import alignet_hf

PACKAGES = ("torch", "transformers", "accelerate", "datasets", "numpy", "scipy", "pillow")


def package_versions() -> dict[str, str]:
    """Name -> version: this package's, Python's, and those of the packages that numbers depend on."""
    found = {"alignet_hf": alignet_hf.__version__, "Python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed as a package"
    return found
