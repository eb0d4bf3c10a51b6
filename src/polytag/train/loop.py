"""The training loop. It is a generator: what other libraries do in callbacks, its caller does in ``for``."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim import Optimizer

from polytag._checks import check_choice
from polytag._interrupt import InterruptedWorkError
from polytag._random import drawn_from, torch_seed
from polytag._team import Team
from polytag.data.loader import Batch, Loader, ToDevice
from polytag.errors import DivergedError, OptionError
from polytag.method import Context, Method
from polytag.train.ema import ModelAverage
from polytag.train.feed import Feed
from polytag.train.sam import SAM
from polytag.train.schedules import Schedule
from polytag.train.speed import Speed
from polytag.train.state import TrainState
from polytag.train.stopping import Stopping

Metrics = dict[str, float]

AGREE_EVERY = 10  # steps between two moments at which several processes may stop together: asking makes a GPU wait


@dataclass(frozen=True)
class Step:
    """Where a training stands, every few steps."""

    epoch: int  # from 1, the one that is running
    step: int  # steps finished, over all epochs
    total: int  # steps of the whole training
    losses: dict[str, float]  # mean of each term over this epoch so far
    rate: float  # learning rate of the first group, as just used
    state: TrainState  # to save
    interrupted: bool = False  # somebody wants the training to stop here; all processes learn it at the same step


@dataclass(frozen=True)
class Epoch:
    """What one epoch left behind."""

    number: int  # from 1
    losses: dict[str, float]  # mean of each term over the epoch
    metrics: dict[str, Metrics]  # of "raw" and, where there is one, "average"; empty where the epoch was not judged
    models: dict[str, nn.Module]  # under the same names, in ``eval`` mode
    rate: float  # learning rate of the first group at its last step
    state: TrainState  # to save


def train(
    method: Method,
    loader: Loader,
    *,
    epochs: int,
    batch_size: int,
    optimizer: Callable[[Method], Optimizer],
    schedule: Schedule,
    context: Context,
    average: float | None = None,
    evaluate: Callable[[nn.Module], Metrics] | None = None,
    evaluate_every: int = 1,
    score: str = "mAP",
    accumulate: int = 1,
    clip: float | None = None,
    frozen: int = 0,
    stopping: Stopping | None = None,
    speed: Speed | None = None,
    report_every: float = 1.0,
    interrupted: Callable[[], bool] = lambda: False,
    resume: dict[str, Any] | None = None,
) -> Iterator[Step | Epoch]:
    """Train ``method.model``, yielding as it goes; leaving the ``for`` stops the training.

    Args:
        method: turns batches into losses.
        loader: of the training photos.
        epochs: how often to go through what the first sampler draws.
        batch_size: photos a step, over all processes and micro-batches.
        optimizer: builds one from the method's parameters. SAM is one: ``step`` gets a closure, always.
        schedule: of the learning rate.
        context: the accelerator of this program, without mixed precision or accumulation of its own, and the seed of
            everything random.
        average: decay of a running average (EMA) of ``method.model``; None for none.
        evaluate: metrics of a model that is in ``eval`` mode, without gradients; the same in every process. May
            raise :class:`InterruptedWorkError`, which brings a last :class:`Step` that says so.
        evaluate_every: epochs from one judgement to the next; the last epoch is always judged.
        score: the metric, higher is better, that the schedule and ``stopping`` are told.
        accumulate: micro-batches a step.
        clip: largest norm of the gradient of the model, and of that of what only training needs.
        frozen: epochs at the start in which ``method.model.backbone`` stays as it is, batch-norm statistics too.
        stopping: told the score of every judged epoch; ends the training after the one it chooses.
        speed: number format, memory order and compilation.
        report_every: seconds between two :class:`Step`.
        interrupted: asked after every step; True brings a :class:`Step` that says so, at once in one process, and
            within ``AGREE_EVERY`` steps in several on GPUs.
        resume: what ``state_dict`` of a saved state gave.

    Raises:
        OptionError: if a sampler cannot fill one batch, or the accelerator would change the gradients.
        DivergedError: if a loss term is not finite, with its name.
    """
    accelerator, seed = context.accelerator, context.seed
    _check_accelerator(accelerator)
    device = accelerator.device
    speed = speed or Speed()
    method.to(device)
    if speed.channels_last:
        method.to(memory_format=torch.channels_last)
    method.prepare(loader.data, context)
    samplers = method.samplers(loader.data.labels)
    team = Team.of(accelerator)
    feed = Feed(loader, samplers, batch_size, seed, accumulate, team.rank, team.size)
    to_device = ToDevice(device, loader.preprocessing.mean, loader.preprocessing.std, speed.channels_last)
    running = ModelAverage(method.model, average) if average else None
    state = TrainState(method, optimizer(method), schedule, running, stopping=stopping)
    if resume is not None:
        state.load_state_dict(resume)
    backbone: list[nn.Parameter] | None = None  # its weights, once it has to rest
    resting, runner = False, None
    total = epochs * len(feed)

    for number in range(state.epoch + 1, epochs + 1):
        if stopping and stopping.done:
            return
        rests = number <= frozen or method.rests((number - 1) / epochs)
        if runner is None or rests != resting:
            if rests and backbone is None:
                backbone = _trainable_backbone(method)
            for weights in backbone or ():
                weights.requires_grad_(not rests)
            resting = rests
            if runner is not None:  # what wrapped the method for several processes waits for other gradients
                runner = wrapped = None
                accelerator.free_memory()
            wrapped = accelerator.prepare_model(method) if team.size > 1 else method
            runner = _Runner(speed.wrap(wrapped), state, accelerator, speed, seed, clip)
        _to_train_mode(method, rests)
        reported = time.monotonic()
        rate = state.optimizer.param_groups[0]["lr"]
        for micro_batches in feed.steps(state.step, number * len(feed), to_device):
            schedule.apply(state.optimizer, state.step, total)
            method.begin_step(state.step / total)
            if isinstance(state.optimizer, SAM):
                state.optimizer.progress = state.step / total
            rate = state.optimizer.param_groups[0]["lr"]
            stop = runner.step(micro_batches, interrupted)
            if time.monotonic() - reported >= report_every or stop:
                reported = time.monotonic()
                means = _means(state.sums, state.step - (number - 1) * len(feed), number)
                yield Step(number, state.step, total, means, rate, state, stop)
                _to_train_mode(method, rests)  # whoever looked at the model may have left it in eval mode
        losses = _means(state.sums, len(feed), number)
        models = {"raw": method.model.eval()} | ({"average": state.average.model.eval()} if state.average else {})
        team.share_buffers(*models.values())
        metrics: dict[str, Metrics] = {}
        if evaluate and (number % evaluate_every == 0 or number == epochs):
            try:
                with torch.no_grad():
                    metrics = {name: evaluate(model) for name, model in models.items()}
            except InterruptedWorkError:
                yield Step(number, state.step, total, losses, rate, state, True)
                return
            check_choice("score", score, metrics["raw"])
            defined = [values[score] for values in metrics.values() if not math.isnan(values[score])]
            if defined:
                schedule.observe(max(defined))
            if defined and stopping:
                stopping.observe(max(defined), state.step < schedule.warmup * total)
        state.epoch, state.sums = number, {}
        yield Epoch(number, losses, metrics, models, rate, state)  # outside no_grad, or the caller would inherit it


class _Runner:
    """One optimizer step."""

    def __init__(
        self,
        wrapped: Callable[..., dict[str, Tensor]],
        state: TrainState,
        accelerator: Accelerator,
        speed: Speed,
        seed: int,
        clip: float | None,
    ) -> None:
        self.wrapped, self.state, self.accelerator, self.speed = wrapped, state, accelerator, speed
        self.seed, self.clip = seed, clip

    def step(self, micro_batches: list[tuple[Batch, ...]], interrupted: Callable[[], bool]) -> bool:
        """Runs the closure as often as the optimizer asks, then moves the average on; whether to stop here."""
        state = self.state
        seen: list[dict[str, Tensor]] = []

        def closure(share: float = 1.0) -> Tensor:  # of the photos, for SAM's climb
            state.optimizer.zero_grad()
            terms: dict[str, Tensor] = {}
            for number, batches in enumerate(micro_batches):
                for name, value in self._backward(number, _first(batches, share), len(micro_batches)).items():
                    terms[name] = terms[name] + value if name in terms else value
            if self.clip:
                for weights in _apart(state.method):
                    nn.utils.clip_grad_norm_(weights, self.clip)
            seen.append(terms)
            return torch.stack(list(terms.values())).sum()

        state.optimizer.step(closure)  # type: ignore[arg-type]
        terms = seen[0]  # SAM calls the closure twice; the first saw the weights as they were
        stop = interrupted()
        if self.accelerator.num_processes > 1:
            own = torch.stack(list(terms.values()))
            *means, wish = self.accelerator.reduce(torch.cat([own, own.new_tensor([stop])]), "mean")
            terms = dict(zip(terms, means, strict=True))
            stop = _may_stop(self.accelerator.device, state.step + 1) and wish.item() > 0
        for name, value in terms.items():
            state.sums[name] = state.sums[name] + value if name in state.sums else value
        if state.average:
            state.average.update()
        state.step += 1
        return stop

    def _backward(self, number: int, batches: tuple[Batch, ...], parts: int) -> dict[str, Tensor]:
        """Gradients of one micro-batch are added up; returns its share of each term."""
        last = number == parts - 1
        # The same step draws the same numbers however often it is run: SAM's second pass, or a resumed run.
        with (
            nullcontext() if last else self.accelerator.no_sync(self.wrapped),
            drawn_from(
                torch_seed(self.seed, self.state.step, number, self.accelerator.process_index), self.accelerator.device
            ),
            self.speed.precision(),
        ):
            with self.speed.autocast(self.accelerator.device):
                losses = {name: value / parts for name, value in self.wrapped(*batches).items()}
            self.accelerator.backward(torch.stack(list(losses.values())).sum())
        return {name: value.detach() for name, value in losses.items()}


def _first(batches: tuple[Batch, ...], share: float) -> tuple[Batch, ...]:
    """The first photos of each batch, and no fewer than the two that batch norm needs."""
    many = [max(math.ceil(share * len(batch.rows)), 2) for batch in batches]
    return tuple(Batch(*(part[:n] for part in batch)) for batch, n in zip(batches, many, strict=True))


def _apart(method: Method) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Weights of the model, and of what only training needs: two gradients, of which one must not shorten the other."""
    model = list(method.model.parameters())
    known = set(model)
    return model, [weights for weights in method.parameters() if weights not in known]


def _trainable_backbone(method: Method) -> list[nn.Parameter]:
    """The weights that frozen epochs are about. The optimizer holds them all the time."""
    backbone = getattr(method.model, "backbone", None)
    if not isinstance(backbone, nn.Module):
        raise OptionError("frozen epochs need a model with a backbone, and this one has none; set them to 0")
    return [weights for weights in backbone.parameters() if weights.requires_grad]


def _to_train_mode(method: Method, rests: bool) -> None:
    method.train()
    if rests:
        method.model.get_submodule("backbone").eval()


def _may_stop(device: torch.device, step: int) -> bool:
    """Whether several processes agree after this step on whether to stop; the same in all of them."""
    return device.type == "cpu" or step % AGREE_EVERY == 0


def _check_accelerator(accelerator: Accelerator) -> None:
    if accelerator.mixed_precision != "no":
        raise OptionError(
            f"mixed_precision of the accelerator must be 'no', got {accelerator.mixed_precision!r}; "
            "choose the number format by speed"
        )
    if accelerator.gradient_accumulation_steps != 1:
        raise OptionError(
            "gradient_accumulation_steps of the accelerator must be 1, "
            f"got {accelerator.gradient_accumulation_steps}; choose the micro-batches by accumulate"
        )


def _means(sums: dict[str, Tensor], steps: int, epoch: int) -> dict[str, float]:
    """Mean of each term; here the device is read, so here a non-finite loss is noticed."""
    if not sums:
        return {}
    values = (torch.stack(list(sums.values())) / steps).tolist()
    for name, value in zip(sums, values, strict=True):
        if not math.isfinite(value):
            raise DivergedError(f"the loss term {name!r} became {value} in epoch {epoch}; lower the learning rate")
    return dict(zip(sums, values, strict=True))
