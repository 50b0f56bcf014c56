#!/usr/bin/env python3
"""Simulate short three-lead electrocardiograms of five rhythms, for the ecg_resnet sample.

    python scripts/simulate_ecg.py --count 500 --seed 0    print each rhythm's size and rate of change

`windows(count, seed)` is the simulation. Every window is 4 s at 250 Hz of leads II, V1 and V5 in mV.

The idea is that of McSharry, Clifford, Tarassenko and Smith, "A dynamical model for generating synthetic
electrocardiogram signals", IEEE Transactions on Biomedical Engineering 50(3):289-294, 2003: a phase runs around the
unit circle once per heartbeat at a speed set by an RR process, and pushes the signal by a derivative of a Gaussian
as it passes the place of each wave. Here the signal is the heart's dipole vector, the waves have a direction, and
the leads are projections of the dipole. Premature ventricular beats have waves of their own.
"""

import argparse
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RATE = 250.0
WINDOW = 1000
TIME = np.arange(WINDOW) / RATE
CLASSES = ("normal", "atrial_fibrillation", "ventricular_ectopy", "bradycardia", "tachycardia")
NORMAL, FIBRILLATION, ECTOPY, BRADYCARDIA, TACHYCARDIA = range(len(CLASSES))
LEADS = ("II", "V1", "V5")
# Directions of the leads: left, down, front.
LEAD_AXES = np.array([[0.5, 0.87, 0.0], [-0.35, 0.05, 0.93], [0.93, 0.15, 0.35]])

# Beats per minute; the narrow gaps between the classes keep the task from being decided by rounding.
HEART_RATES = {
    NORMAL: (60.5, 98.5),
    FIBRILLATION: (60.0, 140.0),
    ECTOPY: (58.0, 105.0),
    BRADYCARDIA: (36.0, 58.0),
    TACHYCARDIA: (102.0, 165.0),
}
PREMATURE = (0.58, 0.85)  # the RR interval before a ventricular beat, relative to the usual; the next makes up for it
QRS_SECONDS = 0.1  # waves nearer to R than this keep their timing at any heart rate
ATRIAL_PREMATURE = 0.25  # share of the sinus rhythms with an atrial premature beat
BASELINE_SECONDS = 1.0  # how fast the dipole relaxes


@dataclass(frozen=True)
class Waves:
    """The waves of one kind of beat: P, Q, R, S, T; moment in s from R, width in s, dipole in mV."""

    moment: Floats
    width: Floats
    dipole: Floats  # [wave, left/down/front]


SINUS = Waves(
    np.array([-0.17, -0.032, 0.0, 0.030, 0.27]),
    np.array([0.022, 0.009, 0.012, 0.010, 0.050]),
    np.array(
        [[0.05, 0.12, 0.03], [-0.12, -0.05, 0.20], [0.95, 0.75, -0.35], [-0.10, -0.20, -0.65], [0.20, 0.18, 0.12]]
    ),
)
VENTRICULAR = Waves(
    np.array([-0.17, -0.060, 0.0, 0.060, 0.30]),
    np.array([0.022, 0.026, 0.034, 0.030, 0.065]),
    np.array([[0.0, 0.0, 0.0], [0.15, -0.25, 0.10], [-0.80, 1.00, 0.80], [0.30, -0.45, -0.20], [0.30, -0.40, -0.30]]),
)


@dataclass
class Heart:
    """One window's rhythm: the moment of each R peak in s, and whether the beat is ventricular."""

    peaks: Floats
    ventricular: NDArray[np.bool_]


def intervals(rhythm: int, count: int, rng: np.random.Generator) -> Floats:
    """RR intervals in s: breathing and Mayer waves around a mean, or in fibrillation no order at all.

    Some sinus rhythms have an atrial premature beat, which is early but of ordinary shape.
    """
    mean = 60.0 / rng.uniform(*HEART_RATES[rhythm])
    if rhythm == FIBRILLATION:
        # The atrioventricular node cannot conduct twice within its refractory time.
        shape = rng.uniform(6.0, 25.0)
        return np.maximum(0.3 * mean + 0.7 * mean * rng.gamma(shape, 1 / shape, count), 0.28)
    beats = np.arange(count) * mean
    breathing = rng.uniform(0.005, 0.09) * np.sin(2 * np.pi * (rng.uniform(0.18, 0.33) * beats + rng.random()))
    mayer = rng.uniform(0.005, 0.025) * np.sin(2 * np.pi * (0.1 * beats + rng.random()))
    spans: Floats = mean * (1 + breathing + mayer + rng.normal(0.0, 0.006, count))
    if rhythm != ECTOPY and rng.random() < ATRIAL_PREMATURE:
        spans[rng.integers(3, 9)] *= rng.uniform(0.7, 0.85)
    return spans


def beat(rhythm: int, rng: np.random.Generator) -> Heart:
    """Draw the R peaks of one window, with a few beats to spare on both sides."""
    count = 24
    spans = intervals(rhythm, count, rng)
    ventricular = np.zeros(count, np.bool_)
    origin = rng.uniform(-spans[3], 0.0)
    if rhythm == ECTOPY:
        ventricular[rng.integers(7, 11) :: rng.integers(2, 6)] = True
        early = rng.uniform(*PREMATURE)
        spans[:-1][ventricular[1:]] *= early
        spans[ventricular] *= 2.0 - early
    peaks = np.concatenate([[0.0], np.cumsum(spans)[:-1]])
    if rhythm == ECTOPY:
        # The class is only true if at least one ventricular beat is wholly in view. It comes late in the list
        # so that there are beats enough before it.
        origin = rng.uniform(0.4, TIME[-1] - 0.5) - (peaks[np.argmax(ventricular)] - peaks[3])
    return Heart(peaks - peaks[3] + origin, ventricular)


def varied(waves: Waves, rhythm: int, rng: np.random.Generator) -> Waves:
    """The waves of one person: everyone's are somewhat different, and in fibrillation there is no P."""
    number = waves.moment.size
    dipole = waves.dipole * rng.normal(1.0, 0.15, (number, 1)) + rng.normal(0.0, 0.04, (number, 3)) * (
        np.abs(waves.dipole).max(axis=1, keepdims=True)
    )
    if rhythm == FIBRILLATION:
        dipole[0] = 0.0
    return Waves(waves.moment * rng.normal(1.0, 0.05, number), waves.width * rng.normal(1.0, 0.08, number), dipole)


def push(heart: Heart, kinds: tuple[Waves, Waves]) -> Floats:
    """The derivative of the dipole over time `[WINDOW, 3]` as the phase passes the waves."""
    turns = np.interp(TIME, heart.peaks, np.arange(heart.peaks.size))
    nearest = np.rint(turns).astype(int)
    phase = 2 * np.pi * (turns - nearest)
    span = np.diff(heart.peaks)[np.floor(turns).astype(int)]
    speed = 2 * np.pi / span
    # Repolarization and conduction speed up with the heart rate, by the square root as in Bazett's rule.
    haste = np.sqrt(np.clip(span, 0.3, 1.6) / 0.85)
    derivative = np.zeros((WINDOW, 3))
    for ventricular, waves in enumerate(kinds):
        here = heart.ventricular[nearest] == bool(ventricular)
        for moment, width, dipole in zip(waves.moment, waves.width, waves.dipole, strict=True):
            slow = haste if abs(moment) > QRS_SECONDS else 1.0
            angle = phase - speed * moment * slow
            since = (np.mod(angle + np.pi, 2 * np.pi) - np.pi) / speed
            rise = -since / width**2 * np.exp(-(since**2) / (2 * width**2))
            derivative += (here * rise)[:, np.newaxis] * dipole
    return derivative


def relax(derivative: Floats) -> Floats:
    """Integrate `[count, WINDOW, 3]` over time while the dipole relaxes to zero."""
    keep = np.exp(-1 / (RATE * BASELINE_SECONDS))
    dipole = np.zeros_like(derivative)
    for step in range(1, WINDOW):
        middle = (derivative[:, step - 1] + derivative[:, step]) / (2 * RATE)
        dipole[:, step] = keep * dipole[:, step - 1] + middle
    return dipole


def fibrillatory(rng: np.random.Generator) -> Floats:
    """The f-waves of the fibrillating atria `[WINDOW, 3]`: 4 to 8 Hz, unsteady, strongest towards V1."""
    pace = rng.uniform(4.5, 8.0) * (1 + 0.08 * np.sin(2 * np.pi * (rng.uniform(0.2, 0.8) * TIME + rng.random())))
    phase = 2 * np.pi * (np.cumsum(pace) / RATE + rng.random())
    swell = 1 + 0.3 * np.sin(2 * np.pi * (rng.uniform(0.1, 0.5) * TIME + rng.random()))
    wave = swell * (np.sin(phase) + 0.3 * np.sin(2 * phase + rng.uniform(-0.5, 0.5)))
    dipole: Floats = rng.uniform(0.005, 0.06) * np.array([-0.2, 0.7, 0.9])
    return wave[:, np.newaxis] * dipole


def disturbance(rng: np.random.Generator) -> Floats:
    """What the electrodes add `[3, WINDOW]`: baseline wander, powerline hum, muscle and amplifier noise."""
    wander: Floats = np.zeros((len(LEADS), WINDOW))
    for _ in range(3):
        strength = rng.normal(0.0, 0.12, (len(LEADS), 1))
        wander += strength * np.sin(2 * np.pi * (rng.uniform(0.05, 0.5) * TIME + rng.random()))
    hum = np.abs(rng.normal(0.0, 0.03, (len(LEADS), 1))) * np.sin(
        2 * np.pi * (rng.choice((50.0, 60.0)) * TIME + rng.random())
    )
    muscle = np.abs(rng.normal(0.0, 0.08)) * rng.normal(size=(len(LEADS), WINDOW))
    amplifier = 0.005 * rng.normal(size=(len(LEADS), WINDOW))
    return np.asarray(wander + hum + muscle + amplifier)


def windows(count: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """`count` windows `[count, 3, 1000]` and their rhythms as indices into CLASSES; a seed always gives the same."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, len(CLASSES), count)
    derivative = np.empty((count, WINDOW, 3))
    extra = np.zeros((count, WINDOW, 3))
    axes = np.empty((count, *LEAD_AXES.shape))
    noise = np.empty((count, len(LEADS), WINDOW))
    for index, label in enumerate(labels.tolist()):
        heart = beat(label, rng)
        derivative[index] = push(heart, (varied(SINUS, label, rng), varied(VENTRICULAR, label, rng)))
        if label == FIBRILLATION:
            extra[index] = fibrillatory(rng)
        # Electrodes are never in quite the same place, and bodies conduct differently.
        axes[index] = (LEAD_AXES + rng.normal(0.0, 0.1, LEAD_AXES.shape)) * rng.uniform(0.6, 1.4)
        noise[index] = disturbance(rng)
    leads = axes @ (relax(derivative) + extra).transpose(0, 2, 1) + noise
    return leads.astype(np.float32), labels.astype(np.int64)


def main() -> None:
    """Simulate, and summarize each rhythm."""
    parser = argparse.ArgumentParser(description="Simulate short three-lead electrocardiograms.")
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    data, labels = windows(options.count, options.seed)
    for number, name in enumerate(CLASSES):
        chosen = data[labels == number]
        height = np.ptp(chosen, axis=2).mean()
        slope = np.abs(np.diff(chosen)).mean() * RATE
        print(f"{name:20} {len(chosen):5} windows, {height:.2f} mV peak to peak, changing by {slope:.1f} mV/s")


if __name__ == "__main__":
    main()
