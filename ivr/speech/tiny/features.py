"""MFCC as Kaldi computes them (feature-mfcc.cc, mel-computations.cc), many frames at once.

The settings are those written to the model's `mfcc.conf`; what Vosk computes when it listens must
be what the network learned from.
"""

import numpy as np

from ivr.speech.tiny.espeak import Samples

BINS = 40
SHIFT, LENGTH, PADDED = 80, 200, 256
"""Samples between frames, of a frame, and of its spectrum (10, 25, 32 ms)."""
LOW_HZ, HIGH_HZ, RATE_HZ = 60.0, 3600.0, 8000.0
CONFIGURATION = (
    "--sample-frequency=8000\n--use-energy=false\n--num-mel-bins=40\n--num-ceps=40\n"
    "--low-freq=60\n--high-freq=-400\n--dither=0.0\n"
)
_PREEMPHASIS, _LIFTER = 0.97, 22.0
_FLOOR = np.float32(np.finfo(np.float32).eps)


def _window() -> Samples:
    """Kaldi's "povey": a Hann window to the power of 0.85."""
    phase = 2 * np.pi * np.arange(LENGTH) / (LENGTH - 1)
    return ((0.5 - 0.5 * np.cos(phase)) ** 0.85).astype(np.float32)


def _mel(hz: Samples | float) -> Samples:
    mel: Samples = 1127.0 * np.log1p(np.asarray(hz) / 700.0)
    return mel


def _banks() -> Samples:
    """Triangles in the mel scale over the spectrum's bins, (129, 40)."""
    edges = np.linspace(_mel(LOW_HZ), _mel(HIGH_HZ), BINS + 2)
    at = _mel(np.arange(PADDED // 2 + 1) * RATE_HZ / PADDED)[:, None]
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (at - left) / (centre - left), (right - at) / (right - centre)
    banks = np.maximum(0.0, np.minimum(rising, falling))
    banks[-1] = 0.0  # Kaldi leaves the highest bin out
    made: Samples = banks.astype(np.float32)
    return made


def _cosines() -> Samples:
    """The orthonormal DCT with the lifter in it, (40, 40)."""
    n, k = np.arange(BINS)[:, None] + 0.5, np.arange(BINS)[None, :]
    dct = np.sqrt(2.0 / BINS) * np.cos(np.pi * n * k / BINS)
    dct[:, 0] = np.sqrt(1.0 / BINS)
    lifter = 1.0 + 0.5 * _LIFTER * np.sin(np.pi * np.arange(BINS) / _LIFTER)
    cosines: Samples = (dct * lifter).astype(np.float32)
    return cosines


_WINDOW, _BANKS, _COSINES = _window(), _banks(), _cosines()


def frames_of(samples: int) -> int:
    """How many frames so many samples give (Kaldi's snip-edges)."""
    return max(0, 1 + (samples - LENGTH) // SHIFT)


def mfcc(samples: Samples) -> Samples:
    """Features (frames, 40) of samples at int16's scale."""
    count = frames_of(len(samples))
    if count == 0:
        return np.zeros((0, BINS), np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float32), LENGTH)
    frames = windows[::SHIFT][:count].copy()
    frames -= frames.mean(1, keepdims=True)
    first = frames[:, :1] * (1 - _PREEMPHASIS)
    frames[:, 1:] -= _PREEMPHASIS * frames[:, :-1].copy()
    frames[:, :1] = first
    spectrum = np.fft.rfft(frames * _WINDOW, PADDED)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    return (np.log(np.maximum(power @ _BANKS, _FLOOR)) @ _COSINES).astype(np.float32)
