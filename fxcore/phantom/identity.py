"""Who the phantom's patients are, and every identifier: derived from the seed, never from a clock."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

_GIVEN = (
    "Anna",
    "Bruno",
    "Clara",
    "David",
    "Elli",
    "Faruk",
    "Greta",
    "Henrik",
    "Ines",
    "Jiří",
    "Käthe",
    "Luís",
)
_FAMILY = (
    "Phantom",
    "Musterfrau",
    "Mustermann",
    "Testfall",
    "Esimerkki",
    "Exemple",
    "Ejemplo",
    "Vzorový",
    "Dummy",
)
_INSTITUTIONS = (
    "Phantom General Hospital",
    "Klinikum Musterstadt",
    "Hôpital de l'Exemple",
    "Esimerkkisairaala",
)
_PHYSICIANS = ("Invented^Ruth^^Dr.", "Erfunden^Paul^^Dr.", "Inventé^Marie^^Dr.")


@dataclass(frozen=True)
class Patient:
    """A fictitious patient, the same in each of their studies: all of these are of one year of their life."""

    patient_id: str
    name: str
    birth_date: str
    sex: str
    age: int
    address: str
    size: float
    cortex: float


def stream(seed: int, *key: int) -> np.random.Generator:
    """Random numbers that depend on the seed and the key alone, whoever asks and in whatever order."""
    return np.random.default_rng(np.random.SeedSequence(entropy=seed, spawn_key=key))


def uid(seed: int, *key: object) -> str:
    """A UID under the UUID root (DICOM PS3.5 B.2), from a hash of the seed and the key."""
    text = "/".join(str(part) for part in (seed, *key))
    return f"2.25.{int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), 'big')}"


def token(seed: int, *key: object, digits: int = 8) -> str:
    """Meaningless upper-case hexadecimal digits for names of files and folders."""
    text = "/".join(str(part) for part in (seed, "token", *key))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()[:digits].upper()


def patient(seed: int, number: int) -> Patient:
    """The patient of this number."""
    rng = stream(seed, 1, number)
    age = int(np.clip(rng.choice([rng.normal(12, 3), rng.normal(38, 12), rng.normal(68, 11)]), 7, 96))
    male = rng.random() < 0.47
    growth = float(np.clip(0.62 + 0.38 * (age - 6) / 11, 0.62, 1.0))
    size = growth * (1.04 if male else 0.95) * float(np.clip(rng.normal(1, 0.05), 0.85, 1.15))
    thinning = 1.0 - 0.009 * max(age - 45, 0)
    # A number of its own, which leaves those of all else as they are.
    born = int(stream(seed, 10, number).integers(2010, 2019)) - age
    return Patient(
        patient_id=f"FX{rng.integers(10**7, 10**8)}",
        name=f"{rng.choice(_FAMILY)}{number:05d}^{rng.choice(_GIVEN)}",
        birth_date=f"{born}{rng.integers(1, 13):02d}{rng.integers(1, 29):02d}",
        sex="M" if male else "F",
        age=age,
        address=f"{rng.integers(1, 200)} Nowhere Street, 00000 Phantomville",
        size=size,
        cortex=float(np.clip(thinning * rng.normal(1, 0.12) * (0.6 + 0.4 * growth), 0.45, 1.35)),
    )


def day_in_year_of_age(person: Patient, day: int) -> np.datetime64:
    """Return the date so many days after the birthday on which the patient came to their age."""
    birth = person.birth_date
    birthday = np.datetime64(f"{int(birth[:4]) + person.age}-{birth[4:6]}-{birth[6:]}")
    return birthday + np.timedelta64(day % 365, "D")


def institution(rng: np.random.Generator) -> str:
    return str(rng.choice(_INSTITUTIONS))


def physician(rng: np.random.Generator) -> str:
    return str(rng.choice(_PHYSICIANS))
