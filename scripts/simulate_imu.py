#!/usr/bin/env python3
"""Simulate windows of a six-axis inertial sensor worn on the thigh, for the imu_tcn sample.

    python scripts/simulate_imu.py imu.npz --count 600 --seed 0    save windows to a file

`windows(count, seed)` is the simulation. Every window is 2.56 s at 50 Hz: specific force along
x, y, z in g, then turning rate about x, y, z in rad/s.

The thigh swings forward and back by an angle that is a short Fourier series of the gait phase. The sensor feels
gravity turned by that angle, the swing itself (tangential and centripetal), the bounce of the trunk, a decaying
shock at every footfall, and the vibration of whatever carries the body. The sensor sits in the pocket in any
orientation and has bias, noise, unequal gains and a limited range.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Range = tuple[float, float]

RATE = 50.0
WINDOW = 128
CLASSES = ("still", "walking", "running", "stairs", "cycling", "fall")
GRAVITY = 9.81
FORCE_LIMIT = 8.0  # g
TURN_LIMIT = 17.4  # rad/s, which is 1000 degrees per second
TIME = np.arange(WINDOW) / RATE
SHIFTING = 0.3  # share of the still windows with a change of posture
WALKING_BEFORE = 0.7  # share of the falls that begin in a walk


@dataclass(frozen=True)
class Gait:
    """The ranges from which each window of a cyclic activity draws its own values."""

    stride: Range  # Hz, of one leg; footfalls of both legs come twice as often
    swing: Range  # rad, amplitude of the thigh angle
    second: Range  # share of the second harmonic, the lift of the knee
    bounce: Range  # m/s^2, of the trunk at the footfall rate
    shock: Range  # m/s^2, at each footfall
    vibration: Range  # m/s^2, broadband


# Neighbours overlap on purpose: brisk stairs look like walking, a slow jog like a fast walk.
GAITS = {
    "walking": Gait((0.70, 1.10), (0.28, 0.50), (0.05, 0.25), (1.2, 3.5), (1.0, 6.0), (0.05, 0.3)),
    "running": Gait((1.05, 1.55), (0.45, 0.85), (0.10, 0.35), (5.0, 13.0), (6.0, 22.0), (0.10, 0.8)),
    "stairs": Gait((0.50, 0.85), (0.35, 0.60), (0.20, 0.50), (1.0, 3.5), (0.5, 5.0), (0.05, 0.3)),
    "cycling": Gait((0.70, 1.60), (0.28, 0.45), (0.00, 0.08), (0.1, 0.8), (0.0, 0.3), (0.30, 2.0)),
}


@dataclass
class Motion:
    """The thigh over one window: acceleration (forward, left, up) in m/s^2, pitch and roll in rad.

    Pitch turns about the leftward axis, so a raised knee is a negative pitch.
    """

    force: Floats
    pitch: Floats
    roll: Floats


def smooth_noise(rng: np.random.Generator, cutoff: float) -> Floats:
    """Noise of unit variance without anything above `cutoff` Hz."""
    spectrum = np.fft.rfft(rng.normal(size=2 * WINDOW))
    spectrum[np.fft.rfftfreq(2 * WINDOW, 1 / RATE) > cutoff] = 0
    noise = np.fft.irfft(spectrum)[:WINDOW]
    return noise / (np.std(noise) + 1e-9)


def footfalls(phase: Floats, stride: float, rng: np.random.Generator) -> Floats:
    """A damped ringing that starts anew at each half turn of the gait phase, each footfall of its own strength."""
    since = np.mod(phase, np.pi) / (2 * np.pi * stride)
    step = np.floor(phase / np.pi).astype(int)
    strength: Floats = rng.uniform(0.7, 1.3, step.max() - step.min() + 1)[step - step.min()]
    return strength * np.exp(-since / 0.035) * np.cos(2 * np.pi * rng.uniform(9.0, 16.0) * since)


def cyclic(gait: Gait, rng: np.random.Generator) -> Motion:
    """Walking, running, climbing stairs or pedalling."""
    stride, swing, second, bounce, shock, vibration = (rng.uniform(*limits) for limits in vars(gait).values())
    jitter = 1 + 0.04 * smooth_noise(rng, 1.0)
    phase = rng.uniform(0, 2 * np.pi) + 2 * np.pi * np.cumsum(stride * jitter) / RATE
    pitch = rng.uniform(-0.5, 0.1) + swing * (np.cos(phase) + second * np.cos(2 * phase + rng.uniform(-0.5, 0.5)))
    roll = rng.uniform(0.02, 0.12) * np.sin(phase + rng.uniform(-0.5, 0.5))
    impact = shock * footfalls(phase, stride, rng)
    force = vibration * rng.normal(size=(WINDOW, 3))
    force[:, 0] += 0.5 * bounce * np.sin(2 * phase + rng.uniform(-0.6, 0.6)) - 0.4 * impact
    force[:, 1] += 0.3 * bounce * np.sin(phase + rng.uniform(-0.6, 0.6))
    force[:, 2] += bounce * np.cos(2 * phase + rng.uniform(-0.6, 0.6)) + impact
    return Motion(force, pitch, roll)


def still(rng: np.random.Generator) -> Motion:
    """Standing, sitting or lying with a little sway, at times with a change of posture."""
    sway = 10 ** rng.uniform(-2.5, -1.2)
    pitch = rng.uniform(-1.6, 0.2) + sway * smooth_noise(rng, 1.0)
    if rng.random() < SHIFTING:
        middle, length = rng.uniform(0.3, 2.2), rng.uniform(0.12, 0.3)
        pitch = pitch + rng.uniform(-1.4, 1.4) / (1 + np.exp(-(TIME - middle) / length))
    force = 10 ** rng.uniform(-2.0, -0.5) * rng.normal(size=(WINDOW, 3))
    return Motion(force, pitch, sway * smooth_noise(rng, 1.0))


def fall(rng: np.random.Generator) -> Motion:
    """Standing or walking, then dropping while the body tips over, the impact, and lying still."""
    before = cyclic(GAITS["walking"], rng) if rng.random() < WALKING_BEFORE else still(rng)
    start, drop = rng.uniform(0.3, 1.6), rng.uniform(0.3, 0.6)
    impact = start + drop
    active = 1 / (1 + np.exp((TIME - start - drop / 2) / 0.05))
    tip = 1 / (1 + np.exp(-(TIME - impact + 0.12) / rng.uniform(0.06, 0.12)))
    since = np.maximum(TIME - impact, 0.0)
    ringing = np.where(impact <= TIME, np.exp(-since / rng.uniform(0.05, 0.12)), 0.0)
    ringing = ringing * np.cos(2 * np.pi * rng.uniform(3.0, 7.0) * since)
    direction = rng.normal(size=3) * (1.0, 1.0, 0.3) + (0.0, 0.0, 1.5)
    force = before.force * active[:, np.newaxis] + 0.05 * rng.normal(size=(WINDOW, 3))
    force += rng.uniform(18.0, 60.0) * ringing[:, np.newaxis] * direction / np.linalg.norm(direction)
    # Legs that give way slow the drop, so the sensor is never wholly weightless.
    falling = np.clip((TIME - start) / 0.12, 0, 1) * (impact > TIME)
    force[:, 2] -= GRAVITY * rng.uniform(0.4, 0.9) * falling
    turn = rng.uniform(0.6, 1.8) * rng.choice((-1.0, 1.0))
    return Motion(force, before.pitch * active + turn * tip, before.roll * active + rng.uniform(-1.0, 1.0) * tip)


def cyclic_maker(name: str) -> Callable[[np.random.Generator], Motion]:
    """The function that draws one window of a cyclic activity."""
    return lambda rng: cyclic(GAITS[name], rng)


MAKERS = {name: cyclic_maker(name) for name in GAITS} | {"still": still, "fall": fall}


def random_rotation(rng: np.random.Generator) -> Floats:
    """A rotation matrix drawn evenly from all orientations."""
    matrix, triangle = np.linalg.qr(rng.normal(size=(3, 3)))
    matrix = matrix * np.sign(np.diag(triangle))
    return np.asarray(matrix * np.linalg.det(matrix))


def on_thigh(motion: Motion, radius: float) -> tuple[Floats, Floats]:
    """Specific force (m/s^2) and turning rate (rad/s) along the axes of the swinging thigh."""
    rate = np.gradient(motion.pitch, 1 / RATE)
    roll_rate = np.gradient(motion.roll, 1 / RATE)
    felt = np.add(motion.force, (0.0, 0.0, GRAVITY))
    # Roll about the forward axis, then pitch about the leftward axis.
    left = np.cos(motion.roll) * felt[:, 1] + np.sin(motion.roll) * felt[:, 2]
    up = np.cos(motion.roll) * felt[:, 2] - np.sin(motion.roll) * felt[:, 1]
    along = np.cos(motion.pitch) * felt[:, 0] - np.sin(motion.pitch) * up
    up = np.cos(motion.pitch) * up + np.sin(motion.pitch) * felt[:, 0]
    along = along - radius * np.gradient(rate, 1 / RATE)
    up = up + radius * rate**2
    turn = np.stack([np.cos(motion.pitch) * roll_rate, rate, np.sin(motion.pitch) * roll_rate], axis=1)
    return np.stack([along, left, up], axis=1), turn


def measure(motion: Motion, rng: np.random.Generator) -> NDArray[np.float32]:
    """What a sensor in the pocket reports: any orientation, and the faults of a cheap sensor."""
    force, turn = on_thigh(motion, rng.uniform(0.1, 0.3))
    rotation = random_rotation(rng)
    gain = rng.normal(1.0, 0.02, 6)
    force = (force / GRAVITY) @ rotation * gain[:3] + rng.normal(0.0, 0.03, 3) + rng.normal(0.0, 0.015, force.shape)
    turn = turn @ rotation * gain[3:] + rng.normal(0.0, 0.03, 3) + rng.normal(0.0, 0.02, turn.shape)
    parts = [np.clip(force, -FORCE_LIMIT, FORCE_LIMIT), np.clip(turn, -TURN_LIMIT, TURN_LIMIT)]
    return np.concatenate(parts, axis=1).astype(np.float32)


def windows(count: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """`count` windows `[count, 128, 6]` and their activities as indices into CLASSES; a seed always gives the same."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, len(CLASSES), count)
    data = np.empty((count, WINDOW, 6), np.float32)
    for index, label in enumerate(labels):
        data[index] = measure(MAKERS[CLASSES[label]](rng), rng)
    return data, labels.astype(np.int64)


def main() -> None:
    """Simulate windows and save them."""
    parser = argparse.ArgumentParser(description="Simulate windows of a six-axis inertial sensor.")
    parser.add_argument("output", type=Path, help="the .npz file to write: x, y and the class names")
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    data, labels = windows(options.count, options.seed)
    np.savez_compressed(options.output, x=data, y=labels, classes=CLASSES)


if __name__ == "__main__":
    main()
