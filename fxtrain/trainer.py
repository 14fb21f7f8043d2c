"""The training loop: read it from top to bottom."""

from __future__ import annotations

import math
import time
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

from fxcore.allocator import kept_memory
from fxcore.arguments import check_kind
from fxcore.config import to_dict
from fxcore.errors import DataSetError, FxrayError, ParameterError
from fxtrain.beginning import begin
from fxtrain.config import TrainConfig
from fxtrain.loader import Batch, TrainBatches
from fxtrain.metrics import measures
from fxtrain.models import Aggregator
from fxtrain.optim import create_optimiser, learning_rate
from fxtrain.origin import new_model, resolved
from fxtrain.packing import Packed, pack_for
from fxtrain.plots import plot_curves
from fxtrain.predict import predict
from fxtrain.processes import Processes, choose_precision, processes
from fxtrain.progress import Progress, Silent, Status
from fxtrain.run_directory import MAY_DIFFER, RunDirectory, other_settings
from fxtrain.split import Split, read_split
from fxtrain.table import Table, read_table

_DECISION = 0.5
# Views a study, on average over a batch, up to which those of all its studies are computed together.
_VIEWS = 8
_TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@kept_memory()
def train(
    dataset: Path,
    run: Path,
    config: TrainConfig | None = None,
    *,
    resume: bool = False,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Train a model on a data set.

    Started by ``torchrun``, the processes share each batch.

    Parameters
    ----------
    dataset : pathlib.Path
        A finished data set with labels.
    run : pathlib.Path
        Folder of the run: new, or with `resume` that of a run that was stopped.
    config : TrainConfig, optional
        The defaults where not given; with `resume` those of the run, but for `MAY_DIFFER`.
    resume : bool
        Go on after the last epoch that was finished: the weights come out as if nothing had happened.
    progress : Progress, optional

    Returns
    -------
    list of dict
        A row an epoch, as in ``metrics.csv``; the first of several processes alone has what validation found.

    Raises
    ------
    FxrayError
        If the data set or the folder cannot be used, another process trains in it, the loss is no number any
        more, or memory is short.
    """
    check_kind("config", config, TrainConfig, "fxcore.config.read_toml makes one of a file")
    place = RunDirectory(Path(run))
    table = read_table(Path(dataset))
    if resume:
        stored = place.read_config()
        config = replace(stored, **{name: getattr(config, name) for name in MAY_DIFFER}) if config else stored
        if place.read_provenance().get("dataset_fingerprint") != table.fingerprint:
            raise DataSetError(
                f"{place.root} was trained on another data set than {table.root}, or before it changed"
            )
    else:
        config = config or TrainConfig()
        config = replace(config, model=resolved(config.model))
    with processes(config.device) as team, ExitStack() as held:
        if not resume:
            # Written down as it is used, so that it stays so wherever the run is gone on with.
            config = replace(config, precision=choose_precision(config.precision, team.device))
        progress = progress if progress and team.first else Silent()
        torch.manual_seed(config.seed)
        with team.first_ahead():
            if team.first:
                model, packed = begin(place, table, config, team, held, progress, resume=resume)
        if not team.first:
            # The others read what the first has written or fetched, and open what it has packed.
            model = new_model(config, weights=not place.last.exists())
            packed = pack_for(table, config, progress)
        split = read_split(place.split, table)
        trainer = Trainer(
            model,
            config,
            table,
            packed,
            split,
            team,
            place,
            progress,
            normalisation=place.read_normalisation(),
        )
        if place.last.exists():
            trainer.restore(place.load(place.last))
            if team.first:
                # What failed or was killed after its checkpoint has left them an epoch behind.
                trainer.write_history()
        return trainer.run()


def best_epoch(history: list[dict[str, Any]], metric: str) -> int:
    """Return the index of the best row by a validation metric.

    Of equal ones that of the lower validation loss, as a few studies are soon told apart while the model
    still learns; then the first. What is no number is the worst.
    """

    def quality(index: int) -> tuple[float, float]:
        value, loss = float(history[index][f"val_{metric}"]), float(history[index]["val_loss"])
        value = -value if metric == "loss" else value
        return _worst(value), _worst(-loss)

    return max(range(len(history)), key=quality)


def _worst(value: float) -> float:
    return -math.inf if math.isnan(value) else value


class Trainer:
    """A model, its optimiser, and the epochs behind it."""

    def __init__(
        self,
        model: nn.Module,
        config: TrainConfig,
        table: Table,
        packed: Packed,
        split: Split,
        team: Processes,
        place: RunDirectory,
        progress: Progress,
        *,
        normalisation: tuple[float, float],
    ) -> None:
        self.config, self.table, self.packed, self.split = config, table, packed, split
        self.team, self.place, self.progress = team, place, progress
        device = team.device
        self.model = model.to(device)
        self.normalisation = normalisation
        if config.channels_last:
            self.model.to(memory_format=torch.channels_last)
        self.batches = TrainBatches(
            table,
            packed,
            split.train,
            config,
            device,
            self.normalisation,
            whole_studies=isinstance(self.model, Aggregator),
            rank=team.rank,
            world=team.world,
        )
        self.optimiser = create_optimiser(self.model, config.optim)
        self.precision = _TYPES[choose_precision(config.precision, device)]
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.precision == torch.float16)
        self.steppable = self._wrapped()
        # What normalises over all processes waits for as many parts in each.
        together = any(isinstance(module, nn.SyncBatchNorm) for module in self.steppable.modules())
        self.views_at_once = 0 if together else _VIEWS * config.batch
        self.history: list[dict[str, Any]] = []

    def _wrapped(self) -> nn.Module:
        model = self.model
        if self.team.world > 1:
            if self.team.device.type == "cuda":
                model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
            model = DistributedDataParallel(model)
        return torch.compile(model) if self.config.compile else model  # type: ignore[return-value]

    def run(self) -> list[dict[str, Any]]:
        """Train the epochs that are left."""
        while len(self.history) < self.config.epochs and not self._is_patience_over():
            row = self._epoch(len(self.history))
            with self.team.first_ahead():
                if self.team.first:
                    row |= self._validated()
                    self.history.append(row)
                    self._save()
                    self.progress.epoch(row)
            if not self.team.first:
                self.history.append(row)
        if self.team.first and len(self.history) < self.config.epochs:
            self.progress.say(self._stopped_early())
        return self.history

    def _epoch(self, epoch: int) -> dict[str, Any]:
        steps, began = self.batches.steps, time.perf_counter()
        self.batches.waited = 0.0
        self.steppable.train()
        # Sums stay on the device: asking for a number would make the GPU wait.
        sums = torch.zeros(3, dtype=torch.float64, device=self.team.device)
        images = 0
        for step, batch in enumerate(self.batches.epoch(epoch)):
            self._set_learning_rate(epoch * steps + step, steps)
            loss, logits = self.step(batch)
            if batch.share:
                right = ((logits > 0) == (batch.broken > 0.5)).sum()
                count = len(batch.broken)
                sums += torch.stack([loss.double() * count, right.double(), right.new_tensor(count).double()])
                images += len(batch.images)
            if step % max(1, steps // 50) == 0 or step == steps - 1:
                self._tell(epoch, step + 1, steps, float(sums[0]))
        seconds = time.perf_counter() - began
        total, right_total, count_total, all_images = self.team.total(*sums.tolist(), images)
        return {
            "epoch": epoch + 1,
            "train_loss": total / count_total,
            "train_accuracy": right_total / count_total,
            "learning_rate": self.optimiser.param_groups[0]["lr"],
            "images_per_second": all_images / seconds,
            "data_wait": self.batches.waited / seconds,
            "seconds": seconds,
        }

    def step(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Take one step; return the loss and the logits, without gradients."""
        self.optimiser.zero_grad(set_to_none=True)
        try:
            found = self._gradients(self.steppable, batch)
        except torch.cuda.OutOfMemoryError:
            found = None
        except RuntimeError as error:
            # Those of torch.compile have no common class that is public.
            if not (self.config.compile and type(error).__module__.startswith("torch._")):
                raise
            self.place.forget_if_no_epoch_is_kept()
            why = " ".join(str(error).split("\n")[:2])
            raise FxrayError(
                f"the model cannot be compiled here ({why}); mend that, or train with compile = false"
            ) from error
        if found is None:
            # Not in the except block, as the traceback holds the graph of what failed.
            raise FxrayError(self._out_of_memory(batch))
        if self.config.optim.clip_norm:
            self.scaler.unscale_(self.optimiser)
            nn.utils.clip_grad_norm_(self.model.parameters(), self.config.optim.clip_norm)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        return found

    def _gradients(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        images = batch.images
        if self.config.channels_last:
            images = images.contiguous(memory_format=torch.channels_last)
        inputs: tuple[Any, ...] = (images,)
        if batch.study_index is not None:
            inputs = (images, batch.study_index, self.views_at_once)
        with self._autocast():
            logits = model(*inputs).float()
        loss = functional.binary_cross_entropy_with_logits(logits, batch.broken)
        self.scaler.scale(loss * batch.share).backward()
        return loss.detach(), logits.detach()

    def _autocast(self) -> AbstractContextManager[object]:
        if self.precision == torch.float32:
            return nullcontext()
        return torch.autocast(self.team.device.type, self.precision)

    def _set_learning_rate(self, step: int, steps: int) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(step, steps, self.config.epochs, self.config.optim)

    def _tell(self, epoch: int, step: int, steps: int, loss: float) -> None:
        # Of all processes, so that what is no number in one of them ends them all here.
        (total,) = self.team.total(loss)
        if not math.isfinite(total):
            self._end_without_number(f"epoch {epoch + 1}, step {step}")
        self.progress.status(Status(epoch + 1, self.config.epochs, step, steps))

    def _validated(self) -> dict[str, float]:
        studies = self.split.val
        found = predict(
            self.model, self.table, self.packed, studies, self.config, self.team.device, self.normalisation
        )
        if not np.isfinite(found.logits).all():
            self._end_without_number(f"the validation after epoch {len(self.history) + 1}")
        scores = found.scores(self.config.aggregate)
        clipped = np.clip(scores, 1e-7, 1 - 1e-7)
        loss = -float(np.mean(np.where(found.broken, np.log(clipped), np.log1p(-clipped))))
        good = measures(found.broken, scores, found.decided(self.config.aggregate, _DECISION))
        names = ("auc", "average_precision", "accuracy", "f1", "kappa")
        return {"val_loss": loss} | {f"val_{name}": good[name] for name in names}

    def _is_patience_over(self) -> bool:
        over = False
        if self.team.first and self.config.patience and self.history:
            best = best_epoch(self.history, self.config.metric)
            over = len(self.history) - 1 - best >= self.config.patience
        return self.team.agree(over)

    def _stopped_early(self) -> str:
        done, patience = len(self.history), self.config.patience
        best = best_epoch(self.history, self.config.metric) + 1
        return (
            f"Ended after epoch {done} of {self.config.epochs}, as none of the last {done - best} was better "
            f"than epoch {best} by {self.config.metric} (patience = {patience}); --resume with another "
            "--patience goes on."
        )

    def _save(self) -> None:
        weights = {"model": self.model.state_dict(), "config": to_dict(self.config), "history": self.history}
        if best_epoch(self.history, self.config.metric) == len(self.history) - 1:
            self.place.save(self.place.best, weights)
        rest = {
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.scaler.state_dict(),
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        }
        self.place.save(self.place.last, weights | rest)
        self.write_history()

    def write_history(self) -> None:
        """Write the table of the epochs behind, and their curves."""
        self.place.write_metrics(self.history)
        plot_curves(self.history, self.place.root / "curves.png")

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint.

        Raises
        ------
        ParameterError
            If it is of other settings.
        """
        if changed := other_settings(state["config"], self.config):
            raise ParameterError(f"{self.place.last} is of a run with other settings ({changed})")
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.scaler.load_state_dict(state["scaler"])
        self.history = state["history"]
        torch.set_rng_state(state["random"])
        if len(state["random_cuda"]) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all(state["random_cuda"])

    def _end_without_number(self, where: str) -> NoReturn:
        """End all processes, which are all here or wait for the first; the first says why."""
        way_out = "a smaller optim.learning_rate, a longer optim.warmup_epochs"
        way_out += " or both" if self.precision == torch.float32 else " or precision = 'fp32'"
        if self.history:
            what = (
                f"The weights of epoch {len(self.history)} and before are kept. As --resume goes on with the "
                f"same settings, train in another folder with {way_out} (model.pretrained = "
                f"'{self.place.best}' begins with the best of them)."
            )
        else:
            self.place.forget_if_no_epoch_is_kept()
            what = f"No epoch was finished, so that nothing is kept: train again with {way_out}."
        self.team.end(f"the loss is no number any more, in {where}. {what}")

    def _out_of_memory(self, batch: Batch) -> str:
        """Say which batch would fit, having tried where no other process waits for this one."""
        count = len(batch.broken)
        small = f"the GPU's memory is too small for batch = {self.config.batch}"
        if self.team.world > 1:
            return f"{small}, {count} in this process; try a smaller one"
        while count > 1:
            count //= 2
            self.optimiser.zero_grad(set_to_none=True)
            torch.cuda.empty_cache()
            index = batch.study_index
            views = count if index is None else int((index < count).sum())
            part = Batch(batch.images[:views], batch.broken[:count], None if index is None else index[:views])
            try:
                self._gradients(self.model, part)
            except torch.cuda.OutOfMemoryError:
                continue
            return f"{small}; {count} fits"
        return "the GPU's memory is too small for this model and image size, whatever the batch"
