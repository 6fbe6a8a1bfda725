"""The names of ImageNet's classes, against what is known of single ones."""

from alignet_hf.convert.imagenet_labels import imagenet_classes, label_names


def test_the_order_is_that_of_the_wordnet_ids():
    wnids = list(imagenet_classes())
    assert len(wnids) == 1000
    assert wnids == sorted(wnids)
    # Of the well-known numbers of PyTorch's and TensorFlow's ImageNet models.
    known = {0: "tench", 1: "goldfish", 207: "golden retriever", 281: "tabby", 817: "sports car", 999: "toilet tissue"}
    names = label_names(1000)
    assert {number: names[number].split(",")[0] for number in known} == known


def test_every_label_has_a_name_of_its_own():
    names = label_names(1000)
    assert list(names) == list(range(1000))
    assert len(set(names.values())) == 1000
    assert (names[134], names[517]) == ("crane (n02012849)", "crane (n03126707)")


def test_another_number_of_labels_is_not_imagenets():
    assert label_names(3) == {0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"}
