"""The public names: every one is there."""

import pytest

import alignet_hf


@pytest.mark.parametrize("name", alignet_hf.__all__)
def test_every_name_is_there_and_documented(name):
    assert getattr(alignet_hf, name).__doc__
    assert name in dir(alignet_hf)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Vices'"):
        _ = alignet_hf.Vices
