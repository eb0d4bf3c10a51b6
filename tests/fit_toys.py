"""A training of two epochs on tiny photos."""

from toys import tiny_set

from polytag.fit import Training


def training(out, **options):
    quick = {"backbone": "test_efficientnet", "weights": "none", "image_size": 32, "epochs": 2, "batch_size": 8}
    return Training(**{"data": tiny_set(30), "out": out, "workers": 0, "lr": 3e-3, **quick, **options})
