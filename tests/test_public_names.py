"""The public names: every one is there, and nothing heavy comes along unasked."""

import subprocess
import sys

import pytest

import alignet_hf


@pytest.mark.parametrize("name", alignet_hf.__all__)
def test_every_name_is_there_and_documented(name):
    assert getattr(alignet_hf, name).__doc__
    assert name in dir(alignet_hf)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Vices'"):
        _ = alignet_hf.Vices


def test_importing_the_package_registers_the_auto_classes_and_loads_no_more():
    code = (
        "import sys, alignet_hf; from transformers import AutoConfig; "
        "assert AutoConfig.for_model('alignet_vision').pooling == 'auto'; "
        "heavy = {'faiss', 'datasets', 'matplotlib', 'peft', 'onnx'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
