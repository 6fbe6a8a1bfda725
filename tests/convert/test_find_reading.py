"""What variables are taken for: found whole or refused, with the variable named; two possibilities listed."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from trees import NO_HEADS, SIZES, anonymous, arrays_of, layout, leaves_of, named, of_arrays

from alignet_hf.convert.layouts.heads import ALL_HEADS, Heads
from alignet_hf.convert.layouts.published import LAYOUTS, NAMES
from alignet_hf.convert.reading import find_reading
from alignet_hf.convert.variables import Variables
from alignet_hf.errors import InputError

SIGLIP, CAPPA, VIT = layout("siglip"), layout("cappa"), layout("vit", pool="tok")
DINOV1, DINOV2 = layout("dinov1", tells_heads=False), layout("dinov2")
PUBLISHED = SIZES | {"width": 192, "depth": 12, "head_width": 64, "mlp": 768, "representation": 192, "tokens": 10}
WITH_CLASS_ROW = SIZES | {"tokens": 10}
IMAGENET = Heads(triplet=False, imagenet=True)


def without(variables: Variables, position: int) -> Variables:
    return replace(variables, items=variables.items[:position] + variables.items[position + 1 :])


def refusal(variables: Variables, reading: str | None = None) -> str:
    with pytest.raises(InputError) as caught:
        find_reading(variables, reading)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"{variables.source}: ")
    return str(caught.value)


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_every_layout_is_found_again_with_its_sizes(data):
    expected = data.draw(st.sampled_from([layout for layout in LAYOUTS if layout.anonymous]))
    heads = data.draw(st.sampled_from(ALL_HEADS))
    if expected.own_layers:  # the last of which could be the triplet head, where there is none
        heads = Heads(triplet=True, imagenet=heads.imagenet and not expected.has_classifier)
    attention_heads, head_width = data.draw(st.integers(1, 3)), 4 * data.draw(st.integers(1, 2))
    width, side = attention_heads * head_width, data.draw(st.integers(2, 4))
    depth = data.draw(st.integers(1, 12))
    sizes = {
        "heads": attention_heads,
        "head_width": head_width,
        "width": width,
        "representation": width,
        "mlp": width * data.draw(st.integers(2, 3)),
        "patch": data.draw(st.integers(2, 5)),
        "channels": 3,
        "tokens": side**2 + (expected.has_class_token and not expected.class_row_optional),
        "labels": width + 1,
        "triplet_width": width + 2,
    }
    variables = anonymous(leaves_of(expected, heads, depth), sizes)
    # The name in full, as another of the same shapes may fit: DINOv1, or a layer of the encoder's own for a head.
    beside = ("triplet_head",) * heads.triplet + ("i1k_head",) * heads.imagenet
    name = "+".join((expected.names[0], *expected.own_layers, *beside))
    found = find_reading(variables, name if expected.tells_heads else f"{name}:heads={attention_heads}")
    assert (found.layout, found.heads) == (expected, heads)
    assert found.sizes == found.sizes | {"depth": depth, "heads": attention_heads, "width": width}
    assert list(found.variables.values()) == list(variables)
    assert not found.left_out


def test_the_wholeness_of_a_list_is_told():
    whole = anonymous(leaves_of(SIGLIP))
    assert find_reading(whole).name == "siglip"
    text = refusal(without(whole, len(whole) - 1))
    assert "its 57 variables read as no model that is known (siglip, siglip2, vit, " in text
    assert "clip: a whole checkpoint of one); nearest is siglip" in text
    assert text.endswith("they end before i1k_head/kernel")
    more = replace(whole, items=(*whole.items, whole[0]))
    assert refusal(more).endswith("variable 58, (16,), is one too many")


@pytest.mark.parametrize("position", [0, 5, 14, 25, 47, 49, 50, 53])
def test_a_missing_variable_is_refused(position):
    whole = anonymous(leaves_of(SIGLIP))
    assert "nearest is siglip (big_vision's ViT with attention pooling as in SigLIP and SigLIP 2, 2 layers)" in refusal(
        without(whole, position)
    )


def test_a_permuted_variable_is_named():
    whole = anonymous(leaves_of(SIGLIP))
    names = [leaf.path for leaf in leaves_of(SIGLIP)]
    out, query = (
        names.index(f"Transformer/encoderblock_1/MultiHeadDotProductAttention_0/{x}/kernel") for x in ("out", "query")
    )
    items = list(whole.items)
    items[out], items[query] = items[query], items[out]
    text = refusal(replace(whole, items=tuple(items)))
    assert f"variable {out} is (16, 2, 8), and {names[out]} would be (2, 8, 16)" in text


def test_an_anonymous_list_of_something_else_is_refused():
    other = Variables("a-model", anonymous(leaves_of(CAPPA)).items[:3], False)
    assert "read as no model that is known" in refusal(other)
    assert ", 1 layer): " in refusal(other)


def test_a_class_token_may_be_dinos():
    variables = anonymous(leaves_of(VIT))
    assert refusal(variables).endswith(
        "its variables can be read as vit (big_vision's ViT with a class token, tanh GELU) or dinov1 (DINOv1 in "
        "big_vision's names, exact GELU); say which with reading="
    )
    assert find_reading(variables, "vit").layout.act == "gelu_pytorch_tanh"
    assert find_reading(variables, "dinov1").layout.act == "gelu"
    assert find_reading(named(leaves_of(VIT, NO_HEADS))).layout == VIT  # big_vision's names are big_vision's model
    assert find_reading(named(leaves_of(VIT, NO_HEADS)), "dinov1").layout.act == "gelu"


def test_a_square_head_may_be_a_layer_of_the_encoders_own():
    sizes = SIZES | {"triplet_width": 16}
    variables = anonymous(leaves_of(VIT, Heads(triplet=True, imagenet=False)), sizes)
    text = refusal(variables, "vit")
    assert "read as vit+triplet_head (big_vision's ViT with a class token, tanh GELU) or vit+pre_logits (" in text
    assert find_reading(variables, "vit+pre_logits").layout.pooling == "pooler"
    assert find_reading(variables, "vit+triplet_head").sizes["triplet_width"] == 16


def test_a_reading_that_shapes_contradict_is_refused():
    assert "do not read as it was asked for; nearest is cappa" in refusal(anonymous(leaves_of(SIGLIP)), "cappa")
    assert "do not read as it was asked for; nearest is siglip" in refusal(anonymous(leaves_of(CAPPA)), "siglip2")
    assert refusal(anonymous(leaves_of(SIGLIP)), "dinov1").endswith("; without reading= they read as siglip")
    assert find_reading(anonymous(leaves_of(CAPPA)), "scratch").layout == CAPPA
    text = refusal(anonymous(leaves_of(SIGLIP)), "resnet")
    assert "no reading is called 'resnet'" in text
    assert all(name in text for name in NAMES)
    assert "no reading is called" in refusal(anonymous(leaves_of(SIGLIP)), "siglip:heads=0")
    assert "has 2 attention heads, not 4" in refusal(anonymous(leaves_of(SIGLIP)), "siglip:heads=4")


def test_attention_heads_that_shapes_do_not_tell():
    variables = anonymous(leaves_of(DINOV2), WITH_CLASS_ROW)
    for reading in (None, "dinov2"):
        text = refusal(variables, reading)
        assert "shapes do not tell the number of attention heads" in text
        assert "dinov2:heads=1, dinov2:heads=2, dinov2:heads=4, dinov2:heads=8 or dinov2:heads=16" in text
    assert find_reading(variables, "dinov2:heads=4").sizes["heads"] == 4
    assert "3 attention heads do not divide the width 16" in refusal(variables, "dinov2:heads=3")


def test_a_published_models_size_tells_the_heads_of_who_is_called_by_name():
    variables = anonymous(leaves_of(DINOV1, depth=12), PUBLISHED)
    assert "dinov1:heads=3 or dinov1:heads=6" in refusal(variables)
    assert find_reading(variables, "dinov1").sizes["heads"] == 3
    assert find_reading(named(leaves_of(DINOV1, NO_HEADS, depth=12), PUBLISHED)).sizes["heads"] == 3
    other = anonymous(leaves_of(DINOV1, depth=11), PUBLISHED)
    assert "shapes do not tell" in refusal(other, "dinov1")


def test_heads_twice_as_wide_read_two_poolings_of_dino_alone():
    wide = WITH_CLASS_ROW | {"representation": 32}
    assert find_reading(anonymous(leaves_of(DINOV2), wide), "dinov2:heads=2").pooling == "cls+patch-mean"
    text = refusal(anonymous(leaves_of(SIGLIP), SIZES | {"representation": 32}))
    assert text.endswith("the heads take 32 numbers, and the encoder gives 16")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"head_width": 4}, "2 attention heads of 4 do not make the width, 16"),
        ({"tokens": 8}, "its 8 positions are not a square"),
        ({"tokens": 10}, "its 10 positions are not a square"),
    ],
)
def test_sizes_that_cannot_be(changes, complaint):
    assert refusal(anonymous(leaves_of(SIGLIP), SIZES | changes)).endswith(complaint)


def test_sizes_that_transformers_cannot_have():
    assert "an MLP of a multiple of the width 16; 33 is none" in refusal(
        anonymous(leaves_of(DINOV2), WITH_CLASS_ROW | {"mlp": 33}), "dinov2:heads=2"
    )
    sincos = layout("vit", pool="gap", learned=False)
    odd = SIZES | {"width": 6, "heads": 2, "head_width": 3, "representation": 6}
    assert "multiples of 4; this is 6" in refusal(anonymous(leaves_of(sincos), odd))


def test_numbers_that_no_model_has():
    empty = SIZES | {"mlp": 0}
    assert refusal(anonymous(leaves_of(SIGLIP), empty)).endswith("mlp cannot be 0")
    whole = anonymous(leaves_of(SIGLIP))
    integers = replace(whole, items=(replace(whole[0], dtype="int64"), *whole.items[1:]))
    assert "variable 0 is int64, and a model's are floating-point" in refusal(integers)
    many = replace(whole, items=whole.items * 100)
    assert "its 5800 variables read as no model that is known, none has so many" in refusal(many)


def test_names_may_stand_under_a_prefix_beside_other_towers():
    arrays = arrays_of(named(leaves_of(SIGLIP, NO_HEADS), prefix="params/img/"))
    others = {"params/txt/Encoder_0/scale": torch.ones(3), "params/t": torch.ones(1), "opt/0/count": torch.ones(1)}
    found = find_reading(of_arrays({**others, **arrays}))
    assert found.layout == SIGLIP
    assert {variable.name for variable in found.variables.values()} == arrays.keys()
    assert found.left_out == {
        "params/txt/Encoder_0/scale": "the text encoder",
        "params/t": "the temperature of the loss",
        "opt/0/count": "the state of the training",
    }
    assert "params/img/what/kernel is no part of it" in refusal(
        of_arrays({**arrays, "params/img/what/kernel": torch.ones(1)})
    )


def test_a_named_variable_that_is_missing_or_of_another_shape():
    arrays = arrays_of(named(leaves_of(SIGLIP, NO_HEADS)))
    less = {name: array for name, array in arrays.items() if name != "MAPHead_0/probe"}
    assert refusal(of_arrays(less)).endswith("MAPHead_0/probe is missing")
    other = arrays | {"MAPHead_0/LayerNorm_0/scale": torch.ones(5)}
    assert "MAPHead_0/LayerNorm_0/scale is (5,) and would be (16)" in refusal(of_arrays(other))


def test_stacked_blocks_are_those_apart():
    arrays = arrays_of(named(leaves_of(CAPPA, NO_HEADS, depth=3)))
    prefix = "Transformer/encoderblock"
    stacked = {name: array for name, array in arrays.items() if prefix not in name}
    for name, array in arrays.items():
        if name.startswith(f"{prefix}_0/"):
            inner = name.removeprefix(f"{prefix}_0/")
            stacked[f"{prefix}/{inner}"] = torch.stack([array, *(arrays[f"{prefix}_{n}/{inner}"] for n in (1, 2))])
    found = find_reading(of_arrays(stacked))
    assert found.sizes["depth"] == 3
    for path, variable in found.variables.items():
        assert torch.equal(variable.tensor(), arrays[path])
    broken = stacked | {f"{prefix}/LayerNorm_0/scale": torch.ones(2, 16)}
    assert "stacked blocks must be of one number" in refusal(of_arrays(broken))


def test_names_of_before():
    arrays = arrays_of(named(leaves_of(VIT, NO_HEADS), WITH_CLASS_ROW))
    changes = {
        "/LayerNorm_1/": "/LayerNorm_2/",
        "/MlpBlock_0/": "/MlpBlock_3/",
        "/MultiHeadDotProductAttention_0/": "/MultiHeadDotProductAttention_1/",
        "pos_embedding": "Transformer/posembed_input/pos_embedding",
    }

    def before(name):
        for new, old in changes.items():
            name = name.replace(new, old)
        return name

    found = find_reading(of_arrays({before(name): array for name, array in arrays.items()}))
    assert found.layout == VIT
    for path, variable in found.variables.items():
        assert torch.equal(variable.tensor(), arrays[path])
    inlined = arrays_of(named(leaves_of(SIGLIP, NO_HEADS)))
    flat = {name.removeprefix("MAPHead_0/"): array for name, array in inlined.items()}
    assert find_reading(of_arrays(flat)).layout == SIGLIP
    twice = arrays | {"Transformer/pos_embedding": arrays["pos_embedding"]}
    assert "pos_embedding and Transformer/pos_embedding are one parameter" in refusal(of_arrays(twice))


def test_layers_that_transformers_has_no_place_for_are_left_out_and_named():
    pooled = layout("cappa", rep_size=True, head=True)
    found = find_reading(named(leaves_of(pooled, NO_HEADS)))
    assert found.left_out.keys() == {"pre_logits/bias", "pre_logits/kernel", "head/bias", "head/kernel"}
    # In a SavedModel the heads beside the encoder read what such a layer gives: no part of it can be left out.
    assert "read as no model" in refusal(anonymous(leaves_of(pooled, IMAGENET)))


def test_the_description_is_a_line():
    text = find_reading(anonymous(leaves_of(SIGLIP))).description
    assert text == (
        "big_vision's ViT with attention pooling as in SigLIP and SigLIP 2: 2 layers of width 16, 2 heads, MLPs "
        "of 32, patches of 4 pixels, 9 positions, triplet head of 10, 6 labels"
    )
