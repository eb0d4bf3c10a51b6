"""Where a label is seen on a photo: every way to find out, by its name."""

from polytag.explain.ways import Way, attention, class_maps, grad_cam

WAYS: dict[str, Way] = {
    "maps": class_maps,
    "attention": attention,
    "gradcam": grad_cam,
}
