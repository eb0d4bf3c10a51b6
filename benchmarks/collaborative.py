"""What two branches cost: ``python benchmarks/collaborative.py``.

A step of collaborative training, a batch of each sampling forward and backward, beside two plain steps; the answer of
both branches from one pass through the trunk beside one plain pass. Measured in turns, ratios in each round.
"""

import statistics

import torch
from accelerate import Accelerator
from turns import about, in_turns, network_parser, photos, ratio

from polytag.build import build_model
from polytag.data.loader import Batch
from polytag.losses import BCE
from polytag.method import Method
from polytag.methods.collaborative import Collaborative
from polytag.methods.supervised import Supervised


def main() -> None:
    """Time all in turns and print."""
    parser = network_parser(__doc__)
    args = parser.parse_args()
    device = Accelerator().device
    print(about(args, device))

    def model() -> torch.nn.Module:
        return build_model(args.backbone, "linear", args.labels, image_size=(args.size, args.size))

    batch = photos(args, device)
    plain = Supervised(model(), BCE()).to(device)
    both = Collaborative(model(), BCE()).to(device)

    def step(method: Method, *batches: Batch, times: int = 1) -> None:
        method.train()
        for _ in range(times):
            sum(method.losses(*batches).values()).backward()  # type: ignore[union-attr]
            method.zero_grad()

    @torch.no_grad()
    def answer(method: Method) -> None:
        method.eval().model(batch.images)

    seconds = in_turns(
        {
            "two plain steps": lambda: step(plain, batch, times=2),
            "a collaborative step": lambda: step(both, batch, batch),
            "a plain pass": lambda: answer(plain),
            "a pass of both branches": lambda: answer(both),
        },
        args.rounds,
    )
    for name, took in seconds.items():
        base = seconds["two plain steps" if "step" in name else "a plain pass"]
        print(f"  {name:24} {1000 * statistics.median(took):8.0f} ms  {ratio(took, base):5.2f}x")


if __name__ == "__main__":
    main()
