"""What augmented vectors cost: ``python benchmarks/vfa_step.py --labels 53``.

A whole step of a training, forward, backward and AdamW, with VFA and with what is cheaper, beside a plain step.
Measured in turns, ratios in each round. There is nothing to measure at inference: what is left is the plain model.
"""

import statistics
from functools import partial

import numpy as np
import torch
from accelerate import Accelerator
from turns import about, in_turns, network_parser, photos, ratio

from polytag.build import build_model
from polytag.data.labelled_set import ImageArrays, LabelledSet
from polytag.labels import Labels
from polytag.losses import BCE
from polytag.method import Context, Method
from polytag.methods import METHODS
from polytag.train.optimizers import adam


def main() -> None:
    """Time all in turns and print."""
    args = network_parser(__doc__).parse_args()
    accelerator = Accelerator()
    print(about(args, accelerator.device))
    batch = photos(args, accelerator.device)
    labels = Labels.from_dense(batch.targets.long().tolist(), [str(number) for number in range(args.labels)])
    data = LabelledSet(ImageArrays(np.zeros((args.batch, 8, 8, 3), np.uint8)), labels)

    def made(name: str) -> Method:
        model = build_model(args.backbone, "linear", args.labels, image_size=(args.size, args.size))
        method = METHODS[name](model.to(memory_format=torch.channels_last), BCE())
        method.prepare(data, Context(accelerator, 0))
        return method.to(accelerator.device).train()

    methods = {name: made(name) for name in ("supervised", "manifold_mixup", "vfa")}
    optimizers = {name: adam(method, 1e-4, 0.01) for name, method in methods.items()}

    def step(name: str) -> None:
        sum(methods[name].losses(batch).values()).backward()  # type: ignore[union-attr]
        optimizers[name].step()
        optimizers[name].zero_grad()

    seconds = in_turns({name: partial(step, name) for name in methods}, args.rounds)
    for name, took in seconds.items():
        more = sum(p.numel() for part, p in methods[name].named_parameters() if not part.startswith("model."))
        cost = f"{1000 * statistics.median(took):8.0f} ms  {ratio(took, seconds['supervised']):5.2f}x"
        print(f"  {name:16} {cost}, {more / 1e6:.1f} million weights that only training has")


if __name__ == "__main__":
    main()
