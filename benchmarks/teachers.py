"""What distillation over groups costs a step: ``python benchmarks/teachers.py [-k 5]``.

A step is a batch forward and backward through a network with a linear head. The base is a plain step. Beside it are the
steps of teachers (one after the other, as they are trained on one machine), and the steps of the student with teachers
that are asked at every step, that share a trunk, and that were asked before. Measured in turns, ratios in each round.
"""

import statistics
from functools import partial

import torch
from accelerate import Accelerator
from turns import about, in_turns, network_parser, photos, ratio

from polytag.build import build_model
from polytag.losses import ASL
from polytag.method import Method
from polytag.methods.cpsd import CPSD, Teacher
from polytag.methods.grouped import Grouped
from polytag.methods.supervised import Supervised


def main() -> None:
    """Time all in turns and print."""
    parser = network_parser(__doc__)
    parser.add_argument("-k", type=int, default=5, help="groups of each of the two cuts (default: 5)")
    args = parser.parse_args()
    device = Accelerator().device
    print(about(args, device) + f", k {args.k}")

    def model(labels: int = args.labels) -> torch.nn.Module:
        size = (args.size, args.size)
        return build_model(args.backbone, "linear", labels, image_size=size).to(device)

    groups = [list(range(number, args.labels, args.k)) for number in range(args.k)]
    owners = " ".join(str(label % args.k) for label in range(args.labels))
    shared = Grouped(model(), ASL(), groups=owners).to(device)

    def student(teachers: list[Teacher] | None) -> Method:
        method = CPSD(model(), ASL())
        given = teachers or [Teacher(model().eval(), torch.arange(args.labels, device=device))]
        method.teachers = {"together": given, "apart": given}
        if teachers is None:
            method.known = {kind: torch.zeros(args.batch, args.labels, device=device) for kind in method.teachers}
        return method

    each = [Teacher(model(len(group)).eval(), torch.tensor(group, device=device)) for group in groups]
    one = [Teacher(shared.model, torch.arange(args.labels, device=device))]
    plain = Supervised(model(), ASL())
    methods = {  # and how many steps stand for one of each teacher
        "a plain step": (plain, 1),
        f"teachers, {2 * args.k} networks": (plain, 2 * args.k),
        "teachers, 2 networks, shared trunk": (shared, 2),
        f"student, {2 * args.k} teachers asked": (student(each), 1),
        "student, 2 of a shared trunk asked": (student(one), 1),
        "student, asked before": (student(None), 1),
    }
    batch = photos(args, device)

    def step(method: Method) -> None:
        shared.model.train(method is shared)
        sum(method.losses(batch).values()).backward()  # type: ignore[union-attr]
        method.zero_grad()

    seconds = in_turns({name: partial(step, method) for name, (method, _) in methods.items()}, args.rounds)
    for name, (_, times) in methods.items():
        plain_steps = times * ratio(seconds[name], seconds["a plain step"])
        print(f"  {name:36} {1000 * times * statistics.median(seconds[name]):8.0f} ms  {plain_steps:5.2f} plain steps")


if __name__ == "__main__":
    main()
