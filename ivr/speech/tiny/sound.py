"""What a telephone does to speech: 8 kHz, a band, a level, noise, G.711. Samples are float32 at
int16's scale."""

import numpy as np

from ivr.speech.tiny.espeak import Samples

RATE_HZ = 8000
_LOUDEST = 32767.0


def to_telephone(
    samples: Samples, rate_hz: int, *, speed: float = 1.0, band: bool = False
) -> Samples:
    """Resampled to 8 kHz by its spectrum, `speed` times as fast (and as high); `band` leaves only
    300 to 3400 Hz."""
    length = round(len(samples) * RATE_HZ / (rate_hz * speed))
    if length < 2:
        return np.zeros(max(length, 0), np.float32)
    spectrum = np.fft.rfft(samples)
    kept = np.zeros(length // 2 + 1, spectrum.dtype)
    count = min(len(kept), len(spectrum))
    kept[:count] = spectrum[:count]
    if band:
        hz = np.arange(len(kept)) * RATE_HZ / length
        kept[(hz < 300) | (hz > 3400)] *= 0.05
    wave = np.fft.irfft(kept, length) * (length / len(samples))
    return wave.astype(np.float32)


def on_the_line(speech: Samples, random: np.random.Generator) -> tuple[Samples, int]:
    """Speech as it comes over some line: silence around, a level, noise, G.711; and how many
    samples were put before it."""
    before, after = (int(RATE_HZ * random.uniform(a, b)) for a, b in ((0.1, 0.7), (0.15, 0.9)))
    wave = np.concatenate([np.zeros(before, np.float32), speech, np.zeros(after, np.float32)])
    wave *= _LOUDEST * 10 ** (random.uniform(-24, -1) / 20) / max(1.0, float(np.abs(wave).max()))
    if random.random() < 0.85:
        loudness = float(np.sqrt(np.mean(wave[before : before + len(speech)] ** 2))) + 1e-3
        wave += noise(len(wave), random) * (loudness * 10 ** (-random.uniform(8, 40) / 20))
    return coded(wave, random), before


def noise(length: int, random: np.random.Generator) -> Samples:
    """White or pink noise, or mains hum, of loudness 1."""
    white = random.standard_normal(length, np.float32)
    made: Samples
    match random.integers(3):
        case 0:
            made = white
        case 1:
            spectrum = np.fft.rfft(white)
            made = np.fft.irfft(spectrum / np.sqrt(np.maximum(1, np.arange(len(spectrum)))), length)
        case _:
            phase = 2 * np.pi * np.arange(length) / RATE_HZ
            made = np.sin(50 * phase) + 0.5 * np.sin(150 * phase) + 0.3 * white
    loudness = float(np.sqrt(np.mean(made**2))) + 1e-9
    return (made / loudness).astype(np.float32)


def tones(length: int, random: np.random.Generator) -> Samples:
    """No speech at all: nothing, noise, or what networks and keys sound like."""
    kind = random.random()
    if kind < 0.2:
        return np.zeros(length, np.float32)
    if kind < 0.6:
        return noise(length, random) * np.float32(10 ** random.uniform(0.3, 3))
    seconds = np.arange(length) / RATE_HZ
    made = np.zeros(length)
    for _ in range(random.integers(1, 3)):
        hz = random.choice([350, 425, 450, 480, 697, 770, 852, 941, 1000, 1209, 1336, 1477, 1633])
        made += np.sin(2 * np.pi * hz * seconds)
    if random.random() < 0.5:  # in bursts
        made *= np.sin(2 * np.pi * random.uniform(0.3, 5) * seconds) > 0
    return np.clip(made * 10 ** random.uniform(2.3, 4), -32768, 32767).astype(np.float32)


def coded(wave: Samples, random: np.random.Generator) -> Samples:
    """Through A-law, mu-law or neither, and clipped."""
    whole = np.clip(np.round(wave), -32768, 32767)
    kind = random.random()
    if kind < 0.8:
        return _companded(whole, 87.6 if kind < 0.4 else 255.0)
    return whole.astype(np.float32)


def _companded(wave: Samples, curve: float) -> Samples:
    """8 bits on a logarithmic curve and back: G.711's, without its straight segments."""
    scaled = np.sign(wave) * np.log1p(curve * np.abs(wave) / 32768) / np.log1p(curve)
    steps = np.round(scaled * 127) / 127
    back = np.sign(steps) * np.expm1(np.abs(steps) * np.log1p(curve)) / curve
    wide: Samples = (back * 32768).astype(np.float32)
    return wide
