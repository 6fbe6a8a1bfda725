"""Trees of parameters: the order in which JAX flattens them, their sizes found again, and no two of one list."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from trees import BOTH, NO_HEADS, SIZES, leaves_of

from alignet_hf.convert.layouts.heads import ALL_HEADS
from alignet_hf.convert.layouts.parameters import Parameters
from alignet_hf.convert.layouts.positions import resampled_positions, sincos_positions, with_class_row
from alignet_hf.convert.layouts.published import LAYOUTS
from alignet_hf.convert.layouts.tree import Leaf, find_sizes, in_jax_order

every_layout = pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: type(layout).__name__)


def flattened(tree: dict, prefix: str = "") -> list[str]:
    """A nested dictionary as JAX flattens it: depth first, the keys of every level sorted as strings."""
    paths = []
    for key in sorted(tree):
        below = tree[key]
        paths += flattened(below, f"{prefix}{key}/") if isinstance(below, dict) else [f"{prefix}{key}"]
    return paths


def nested(paths: list[str]) -> dict:
    tree: dict = {}
    for path in paths:
        *folders, leaf = path.split("/")
        place = tree
        for folder in folders:
            place = place.setdefault(folder, {})
        place[leaf] = None
    return tree


@every_layout
def test_the_order_is_that_of_a_nested_dictionary(layout):
    paths = [leaf.path for leaf in layout.leaves(12)]
    assert [leaf.path for leaf in in_jax_order(layout.leaves(12))] == flattened(nested(paths))
    assert len(set(paths)) == len(paths)


def test_the_released_siglip2_has_its_blocks_where_its_readers_found_them():
    # 218 variables; blocks 0, 1, 2, ..., 9, 10, 11 begin at these, as the exported program takes them.
    siglip = next(layout for layout in LAYOUTS if layout.names[0] == "siglip")
    paths = [leaf.path for leaf in leaves_of(siglip, BOTH, depth=12)]
    assert len(paths) == 218
    starts = [paths.index(f"Transformer/encoderblock_{block}/LayerNorm_0/bias") for block in range(12)]
    assert starts == [17, 33, 81, 97, 113, 129, 145, 161, 177, 193, 49, 65]
    assert paths[:3] == [
        "MAPHead_0/LayerNorm_0/bias",
        "MAPHead_0/LayerNorm_0/scale",
        "MAPHead_0/MlpBlock_0/Dense_0/bias",
    ]
    assert paths[14:17] == ["MAPHead_0/probe", "Transformer/encoder_norm/bias", "Transformer/encoder_norm/scale"]
    assert paths[209:] == [
        "embedding/bias",
        "embedding/kernel",
        "pos_embedding",
        "triplet_head/bias",
        "triplet_head/kernel",
        "i1k_norm/bias",
        "i1k_norm/scale",
        "i1k_head/bias",
        "i1k_head/kernel",
    ]


@every_layout
@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_sizes_are_found_again(layout, data):
    heads, head_width = data.draw(st.integers(1, 4)), 4 * data.draw(st.integers(1, 3))
    width, side = heads * head_width, data.draw(st.integers(2, 5))
    sizes = {
        "heads": heads,
        "head_width": head_width,
        "width": width,
        "twice_width": 2 * width,
        "thrice_width": 3 * width,
        "representation": width,
        "mlp": width * data.draw(st.integers(1, 4)),
        "patch": data.draw(st.integers(1, 20)),
        "channels": data.draw(st.integers(1, 4)),
        "tokens": side**2 + (data.draw(st.booleans()) if layout.class_row_optional else layout.has_class_token),
        "labels": data.draw(st.integers(1, 30)),
        "triplet_width": data.draw(st.integers(1, 30)),
    }
    beside = data.draw(st.sampled_from(ALL_HEADS))
    leaves = leaves_of(layout, beside, depth=data.draw(st.integers(1, 13)))
    found, misfit = find_sizes(leaves, [leaf.actual_shape(sizes) for leaf in leaves])
    assert misfit is None
    assert found == {name: sizes[name] for name in found}
    assert {"width", "mlp", "patch", "channels"} <= found.keys()
    assert layout.contradiction(found) is None
    assert layout.grid(found) == (side if layout.has_position_table else None)


@every_layout
def test_each_parameter_is_read_once_and_fills_the_backbone(layout):
    from transformers import AutoModel

    generator = torch.Generator().manual_seed(0)
    sizes = SIZES | {"tokens": 9 + (layout.has_class_token and not layout.class_row_optional)}
    arrays = {leaf.path: torch.randn(leaf.actual_shape(sizes), generator=generator) for leaf in layout.leaves(2)}
    read = dict.fromkeys(arrays, 0)

    class Counted:
        def __init__(self, path):
            self.path = path

        def tensor(self):
            read[self.path] += 1
            return arrays[self.path]

    parameters = Parameters({path: Counted(path) for path in arrays})
    weights = layout.weights(parameters, sizes, image_size=12)
    classifier = layout.classifier(parameters)
    left_out = layout.left_out()
    assert {path: times for path, times in read.items() if times != 1} == dict.fromkeys(left_out, 0)

    backbone = AutoModel.from_config(layout.backbone_config(sizes, 12))
    lacks = {name for name in backbone.state_dict() if name.startswith("pooler.")} - weights.keys()
    assert set(backbone.load_state_dict(weights, strict=False).missing_keys) == lacks
    computed = 0 if layout.has_position_table else 9 * SIZES["width"]
    row_of_zeros = SIZES["width"] if layout.class_row_optional else 0
    counted = sum(weight.numel() for weight in [*weights.values(), *classifier.values()])
    given = sum(array.numel() for path, array in arrays.items() if path not in left_out)
    assert counted == given + computed + row_of_zeros


def test_no_two_layouts_have_one_list_of_shapes_but_dinos_own():
    shapes: dict = {}
    for layout in LAYOUTS:
        if layout.anonymous:
            for heads in ALL_HEADS:
                leaves = leaves_of(layout, heads)
                key = tuple(leaf.actual_shape(SIZES) for leaf in leaves)
                shapes.setdefault(key, []).append(layout.names[0])
    assert {tuple(names) for names in shapes.values() if len(names) > 1} == {("vit", "dinov1")}


def test_positions_of_sines_and_cosines_are_those_of_the_loop():
    table = sincos_positions(3, 8)
    for y in range(3):
        for x in range(3):
            row = [
                function(axis / 10_000**step)
                for axis, function in ((x, math.sin), (x, math.cos), (y, math.sin), (y, math.cos))
                for step in (0, 1)
            ]
            torch.testing.assert_close(table[3 * y + x], torch.tensor(row))


def test_a_table_gets_a_row_for_the_class_token_unless_it_has_one():
    apart = torch.ones(9, 4)
    assert with_class_row(apart).tolist() == [[0.0] * 4, *[[1.0] * 4] * 9]
    within = torch.ones(10, 4)
    assert with_class_row(within) is within


def test_resampling_keeps_constants_and_the_class_tokens_row():
    table = torch.cat([torch.full((1, 2), 7.0), torch.full((25, 2), 3.0)])
    torch.testing.assert_close(resampled_positions(table, 3), torch.cat([table[:1], torch.full((9, 2), 3.0)]))
    assert resampled_positions(table, 5) is table


def test_a_misfit_names_the_first_leaf_and_what_it_would_be():
    leaves = [Leaf("a", ("width",)), Leaf("b", ("width", "mlp")), Leaf("c", ("mlp",))]
    sizes, misfit = find_sizes(leaves, [(4,), (4, 9), (8,)])
    assert sizes == {"width": 4, "mlp": 9}
    assert (misfit.position, misfit.leaf.path, misfit.expected) == (2, "c", "(9)")
    assert find_sizes(leaves, [(4,), (5, 9), (9,)])[1].expected == "(4, mlp)"
    assert find_sizes(leaves, [(4,), (4,), (9,)])[1].position == 1


def test_heads_beside_an_encoder_come_last():
    siglip = next(layout for layout in LAYOUTS if layout.names[0] == "siglip")
    assert leaves_of(siglip, BOTH)[-6:] == BOTH.leaves()
    assert leaves_of(siglip, NO_HEADS) == in_jax_order(siglip.leaves(2))
