"""The acoustic network: a small time-delay network, trained with nothing but numpy.

Five layers (affine, ReLU, normalisation), then an affine to the classes. Layer 1 sees frames
-2…2, layer 2 -1…1, the others -3, 0, 3: 12 frames of context on either side. Since only every third
frame is ever asked for (frame-subsampling-factor 3), only those are computed: layer 1 for every
frame, the others for every third, where their contexts are neighbours.
"""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ivr.speech.tiny.corpus import Classes, Utterance
from ivr.speech.tiny.espeak import Samples
from ivr.speech.tiny.features import BINS

CONTEXT = 12
OFFSETS = ((-2, -1, 0, 1, 2), (-1, 0, 1), (-3, 0, 3), (-3, 0, 3), (-3, 0, 3))
STEP = 3
CHUNK = 33
"""Outputs of a training example, about one second."""
_INPUT = STEP * (CHUNK + 6) + 4
"""Input frames of a training example: its outputs' frames and 12 on either side."""
_BATCH, _HALVES = 64, 2
_SMOOTHING, _EPSILON, _DECAY = 0.05, 1e-5, 1e-3
_HIGHEST_RATE, _WARM_UP = 4e-3, 0.25
_REMEMBERED = 0.03
"""How much of each batch's mean and variance goes into those kept."""
_UNLABELLED = -1
Progress = Callable[[int, int, float], None]
Positive = npt.NDArray[np.bool_]
Affine = tuple[Samples, Samples]
"""Weights (outputs, inputs) and bias."""


@dataclass(frozen=True, slots=True)
class Examples:
    """All utterances end to end, each with its context around; where each begins, and how long
    it is in frames."""

    features: Samples
    classes: Classes
    begins: tuple[int, ...]
    lengths: tuple[int, ...]
    mean: Samples
    deviation: Samples

    @classmethod
    def of(cls, utterances: Sequence[Utterance]) -> "Examples":
        """Normalise and lay them end to end."""
        everything = np.concatenate([u.features for u in utterances])
        mean, deviation = everything.mean(0), everything.std(0)
        features, classes, begins, lengths, at = [], [], [], [], 0
        for utterance in utterances:
            length = len(utterance.features)
            around = (CONTEXT, CONTEXT + max(0, STEP * CHUNK - length) + STEP)
            features.append(
                np.pad((utterance.features - mean) / deviation, (around, (0, 0)), mode="edge")
            )
            classes.append(np.pad(utterance.classes, around, constant_values=_UNLABELLED))
            begins.append(at + CONTEXT)
            lengths.append(max(length, STEP * CHUNK))
            at += len(features[-1])
        return cls(
            np.concatenate(features), np.concatenate(classes), tuple(begins), tuple(lengths),
            mean, deviation,
        )  # fmt: skip

    def places(self, random: np.random.Generator) -> Classes:
        """Where an epoch's examples begin: all frames once, each time cut differently."""
        places = []
        for begin, length in zip(self.begins, self.lengths, strict=True):
            last = length - STEP * CHUNK
            first = int(random.integers(min(STEP * CHUNK, last + 1)))
            places += [begin + at for at in range(first, last, STEP * CHUNK)] + [begin + last]
        return random.permutation(np.array(places))

    def batch(self, places: Classes) -> tuple[Samples, Classes]:
        """Inputs (n, frames, 40) and classes (n, outputs) of examples."""
        inputs = self.features[places[:, None] + np.arange(-CONTEXT, _INPUT - CONTEXT)]
        return inputs, self.classes[places[:, None] + STEP * np.arange(CHUNK)]


class Network:
    """Weights, and what training keeps beside them."""

    def __init__(self, classes: int, hidden: int, seed: int = 0) -> None:
        random = np.random.default_rng(seed)
        sizes = [BINS * 5] + [hidden * 3] * 4
        shapes = [(hidden, size) for size in sizes] + [(classes, hidden)]
        self.weights = [
            (random.standard_normal(shape, np.float32) * np.float32(math.sqrt(2 / shape[1])))
            for shape in shapes
        ]
        self.weights[-1] *= np.float32(0.1)
        self.biases = [np.zeros(shape[0], np.float32) for shape in shapes]
        self.means = [np.zeros(hidden, np.float32) for _ in range(5)]
        self.variances = [np.ones(hidden, np.float32) for _ in range(5)]

    def train(
        self, examples: Examples, epochs: int, *, seed: int = 1, progress: Progress | None = None
    ) -> None:
        """Adam with one cycle of its rate; every batch is shared by two threads."""
        random = np.random.default_rng(seed)
        plans = [examples.places(random) for _ in range(epochs)]
        total = sum(len(plan) // _BATCH for plan in plans)
        optimiser = _Adam([*self.weights, *self.biases])
        done = 0
        with ThreadPoolExecutor(_HALVES) as pool:
            for plan in plans:
                for at in range(0, len(plan) - _BATCH + 1, _BATCH):
                    halves = np.split(plan[at : at + _BATCH], _HALVES)
                    results = list(pool.map(lambda half: self._gradients(examples, half), halves))
                    slopes = zip(*(result.gradients for result in results), strict=True)
                    gradients = [sum(both) / _HALVES for both in slopes]
                    optimiser.step(gradients, _rate(done / total))
                    for result in results:
                        self._remember(result)
                    done += 1
                    if progress is not None:
                        progress(done, total, sum(result.loss for result in results) / _HALVES)

    def folded(self, examples: Examples) -> list[Affine]:
        """The affines with every normalisation inside them: inputs are plain features."""
        first, bias = self._affines()[0]
        scale = np.tile(1 / examples.deviation, 5)
        shift = np.tile(-examples.mean / examples.deviation, 5)
        return [(first * scale, bias + first @ shift), *self._affines()[1:]]

    def _affines(self) -> list[Affine]:
        """With the normalisation of each layer inside the next; inputs are normalised features."""
        affines = [(self.weights[0], self.biases[0])]
        for number in range(5):
            weights, bias = self.weights[number + 1], self.biases[number + 1]
            scale = 1 / np.sqrt(self.variances[number] + _EPSILON)
            times = weights.shape[1] // len(scale)
            scaled = weights * np.tile(scale, times)
            affines.append((scaled, bias - scaled @ np.tile(self.means[number], times)))
        return affines

    def _remember(self, result: "_Result") -> None:
        """The means and variances that stand in for a batch's own after training."""
        new = np.float32(_REMEMBERED)
        for number, (mean, variance) in enumerate(result.statistics):
            self.means[number] = (1 - new) * self.means[number] + new * mean
            self.variances[number] = (1 - new) * self.variances[number] + new * variance

    def _gradients(self, examples: Examples, places: Classes) -> "_Result":
        """What some examples say about the weights; changes nothing, so threads may do it."""
        inputs, classes = examples.batch(places)
        seen: list[Samples] = []  # inputs of each affine
        active: list[Samples] = []  # normalised outputs of each layer
        deviations: list[Samples] = []
        statistics: list[tuple[Samples, Samples]] = []
        positive: list[Positive] = []
        at = _windows(inputs)
        for number in range(5):
            if number == 1:
                at = at.reshape(len(at), -1, STEP * at.shape[2])
            elif number > 1:
                at = _neighbours(at)
            seen.append(at)
            at = _times(at, self.weights[number].T)
            at += self.biases[number]
            np.maximum(at, 0, out=at)
            positive.append(at > 0)
            at, mean, variance = _normalised(at)
            active.append(at)
            deviations.append(np.sqrt(variance + _EPSILON))
            statistics.append((mean, variance))
        seen.append(at)
        loss, slope = _loss(_times(at, self.weights[5].T) + self.biases[5], classes)
        weights: list[Samples] = [slope] * 6
        biases: list[Samples] = [slope] * 6
        for number in range(5, -1, -1):
            flat = slope.reshape(-1, slope.shape[2])
            weights[number] = flat.T @ seen[number].reshape(len(flat), -1)
            biases[number] = flat.sum(0)
            if number == 0:
                break
            slope = _times(slope, self.weights[number])
            if number == 1:
                slope = slope.reshape(len(slope), -1, slope.shape[2] // STEP)
            elif number < 5:
                slope = _gathered(slope)
            slope = _through_normalisation(slope, active[number - 1], deviations[number - 1])
            slope *= positive[number - 1]
        return _Result(loss, [*weights, *biases], statistics)


@dataclass(frozen=True, slots=True)
class _Result:
    """Loss, gradients (weights, then biases), and each layer's mean and variance."""

    loss: float
    gradients: Sequence[Samples]
    statistics: Sequence[tuple[Samples, Samples]]


class _Adam:
    """Adam with decoupled weight decay (Loshchilov and Hutter)."""

    def __init__(self, values: Sequence[Samples]) -> None:
        self._values = values
        self._first = [np.zeros_like(value) for value in values]
        self._second = [np.zeros_like(value) for value in values]
        self._count = 0

    def step(self, gradients: Sequence[Samples], rate: float) -> None:
        self._count += 1
        first_bias, second_bias = 1 - 0.9**self._count, 1 - 0.999**self._count
        for value, slope, first, second in zip(
            self._values, gradients, self._first, self._second, strict=True
        ):
            first += np.float32(0.1) * (slope - first)
            second += np.float32(0.001) * (slope * slope - second)
            if value.ndim == 2:
                value *= np.float32(1 - rate * _DECAY)
            value -= np.float32(rate / first_bias) * first / (np.sqrt(second / second_bias) + 1e-8)


def _rate(done: float) -> float:
    """The learning rate: up, then down along a cosine."""
    if done < _WARM_UP:
        return _HIGHEST_RATE * (0.05 + 0.95 * done / _WARM_UP)
    return _HIGHEST_RATE * (0.5 + 0.5 * math.cos(math.pi * (done - _WARM_UP) / (1 - _WARM_UP)))


def _times(at: Samples, matrix: Samples) -> Samples:
    """All examples in one multiplication: numpy's own would make one of each (n, t, d)."""
    many, times, wide = at.shape
    made: Samples = (at.reshape(-1, wide) @ matrix).reshape(many, times, -1)
    return made


def _windows(inputs: Samples) -> Samples:
    """Five neighbouring frames side by side: (n, frames, 40) to (n, frames - 4, 200)."""
    return np.concatenate([inputs[:, k : inputs.shape[1] - 4 + k] for k in range(5)], axis=2)


def _neighbours(at: Samples) -> Samples:
    """Three neighbours side by side: (n, t, d) to (n, t - 2, 3 d)."""
    return np.concatenate([at[:, :-2], at[:, 1:-1], at[:, 2:]], axis=2)


def _gathered(slope: Samples) -> Samples:
    """The slopes of `_neighbours`."""
    many, times, wide = slope.shape
    size = wide // 3
    made = np.zeros((many, times + 2, size), np.float32)
    for number in range(3):
        made[:, number : number + times] += slope[:, :, number * size : (number + 1) * size]
    return made


def _normalised(at: Samples) -> tuple[Samples, Samples, Samples]:
    """Each unit, in its place, to mean 0 and deviation 1 over the examples; its mean, variance."""
    mean = at.mean((0, 1))
    at -= mean
    variance = np.einsum("bti,bti->i", at, at) / (at.shape[0] * at.shape[1])
    at /= np.sqrt(variance + _EPSILON)
    return at, mean, variance


def _through_normalisation(slope: Samples, active: Samples, deviation: Samples) -> Samples:
    count = np.float32(active.shape[0] * active.shape[1])
    along = np.einsum("bti,bti->i", slope, active) / count
    made: Samples = slope - slope.sum((0, 1)) / count
    made -= active * along
    made /= deviation
    return made


def _loss(scores: Samples, classes: Classes) -> tuple[float, Samples]:
    """Cross-entropy with smoothed targets over labelled outputs, and its slope."""
    scores -= scores.max(2, keepdims=True)
    chances = np.exp(scores)
    chances /= chances.sum(2, keepdims=True)
    labelled = classes >= 0
    count = max(1, int(labelled.sum()))
    targets = np.where(labelled, classes, 0)[:, :, None]
    right = np.take_along_axis(chances, targets, 2)
    loss = float(-(np.log(right + 1e-9)[:, :, 0] * labelled).sum() / count)
    slope = chances - np.float32(_SMOOTHING / scores.shape[2])
    np.put_along_axis(slope, targets, np.take_along_axis(slope, targets, 2) - (1 - _SMOOTHING), 2)
    slope *= labelled[:, :, None] / np.float32(count)
    return loss, slope
