"""Who the phantoms are: dozens of people who differ in shape first and in colour second.

Lengths are in head units: the origin lies between nose bridge and cheekbones, u points right, v down, the chin is near
v = 1, so one unit is about half a face.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Colour = tuple[float, float, float]
"""RGB, 0 to 1."""

SKIN = np.array([(92, 60, 46), (120, 80, 58), (152, 104, 76), (190, 140, 108), (221, 176, 146), (240, 205, 184)]) / 255
HAIR = {
    "black": (26, 22, 24),
    "dark": (52, 36, 28),
    "brown": (88, 58, 38),
    "chestnut": (122, 70, 42),
    "red": (166, 80, 38),
    "blond": (196, 154, 92),
    "fair": (222, 190, 132),
    "grey": (150, 148, 148),
    "white": (216, 214, 210),
}
IRIS = {
    "brown": (92, 56, 34),
    "dark": (58, 38, 30),
    "hazel": (126, 100, 52),
    "green": (88, 120, 76),
    "blue": (84, 128, 168),
    "grey": (116, 128, 136),
}
CLOTHES = (
    (38, 54, 92),
    (96, 36, 44),
    (44, 78, 66),
    (72, 72, 78),
    (150, 126, 92),
    (108, 78, 118),
    (196, 190, 180),
    (44, 40, 46),
)
BACKDROPS = ((112, 128, 146), (146, 132, 116), (104, 126, 112), (138, 120, 140), (88, 96, 112), (164, 160, 152))


@dataclass(frozen=True)
class Voice:
    """`name` as espeak-ng knows it; pitch and range 0 to 99."""

    name: str
    words_a_minute: int
    pitch: int
    pitch_range: int


@dataclass(frozen=True)
class Person:
    """Every trait of one phantom. Shape in head units and radians, strengths 0 to 1."""

    index: int
    feminine: bool
    age: float
    # head
    face_width: float
    jaw_width: float
    chin_width: float
    chin_length: float
    forehead: float
    fullness: float
    # eyes and brows
    eye_x: float
    eye_y: float
    eye_width: float
    eye_height: float
    eye_tilt: float
    eye_depth: float
    crease: float
    lashes: float
    iris_radius: float
    brow_height: float
    brow_thickness: float
    brow_length: float
    brow_arch: float
    brow_tilt: float
    # nose
    nose_y: float
    nose_width: float
    nose_bridge: float
    nose_height: float
    nose_tip: float
    # mouth
    mouth_y: float
    mouth_width: float
    upper_lip: float
    lower_lip: float
    cupid: float
    corner: float
    # surface
    skin: Colour
    lip_colour: Colour
    hair_colour: Colour
    brow_colour: Colour
    iris_colour: Colour
    blush: float
    freckles: float
    mole: tuple[float, float] | None
    wrinkles: float
    eye_shadow: float
    hair: str
    beard: str
    glasses: str
    clothes: Colour
    collar: str
    backdrop: Colour
    light: float
    voice: Voice
    liveliness: float


class _Draws:
    """Numbers in 0..1 for one person: a Kronecker sequence a trait, so any first N people cover them evenly."""

    def __init__(self, index: int, seed: int):
        self._index, self._trait = index, 0
        self._start = np.random.default_rng([seed, 0x9E37])
        self._own = np.random.default_rng([seed, index, 0x7F4A])

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        self._trait += 1
        step = np.sqrt(_PRIMES[self._trait % len(_PRIMES)]) * (1 + self._trait // len(_PRIMES))
        value = (self._start.random() + self._index * step + 0.02 * self._own.random()) % 1.0
        return float(low + (high - low) * value)

    def choice(self, options, weights=None):
        edges = np.cumsum(np.ones(len(options)) if weights is None else np.asarray(weights, float))
        return options[int(np.searchsorted(edges / edges[-1], self.uniform(), side="right").clip(0, len(options) - 1))]


_PRIMES = [
    2,
    3,
    5,
    7,
    11,
    13,
    17,
    19,
    23,
    29,
    31,
    37,
    41,
    43,
    47,
    53,
    59,
    61,
    67,
    71,
    73,
    79,
    83,
    89,
    97,
    101,
    103,
    107,
    109,
    113,
]


def _mix(a, b, share: float) -> Colour:
    return tuple(float(x) for x in (1 - share) * np.asarray(a) + share * np.asarray(b))


def _rgb(colour) -> Colour:
    return tuple(c / 255 for c in colour)


def _colours(draw: _Draws, age: float, feminine: bool) -> dict:
    tone = draw.uniform(0, len(SKIN) - 1)
    low = min(int(tone), len(SKIN) - 2)
    skin = np.array(_mix(SKIN[low], SKIN[low + 1], tone - low)) * (
        1 + draw.uniform(-0.04, 0.05) * np.array((1, 0.2, -0.8))
    )
    fair = tone / (len(SKIN) - 1)
    names = ("black", "dark") if fair < 0.35 else ("black", "dark", "brown", "chestnut", "red", "blond", "fair")
    name = draw.choice(names)
    grey = draw.uniform()
    if age > 0.62:
        name = "grey" if grey < 0.55 else "white" if grey < 0.85 else name
    hair = _rgb(HAIR[name])
    iris = (
        draw.choice(("dark", "brown"))
        if fair < 0.4
        else draw.choice(("brown", "hazel", "green", "blue", "grey", "dark"))
    )
    # Lips stand out from dark skin, and from under make-up, by colour.
    rouge = 0.36 + 0.25 * (1 - fair) + (draw.uniform(0.0, 0.45) if feminine else 0.0)
    red = _mix(skin * (0.90, 0.62, 0.60), (0.70, 0.24, 0.27), rouge)
    return {
        "skin": tuple(float(np.clip(c, 0, 1)) for c in skin),
        "lip_colour": red,
        "hair_colour": hair,
        "brow_colour": _mix(np.array(hair) * 0.62, skin * 0.35, 0.25),
        "iris_colour": _rgb(IRIS[iris]),
    }


def _hair(draw: _Draws, age: float, feminine: bool) -> str:
    if feminine:
        return draw.choice(("long", "bob", "bun", "fringe", "wavy", "curly", "pixie"))
    if age > 0.6:
        return draw.choice(("receding", "bald", "side", "short"))
    return draw.choice(
        ("short", "side", "quiff", "curly", "buzz", "receding", "bald", "long"), (3, 3, 3, 2, 2, 1, 1, 1)
    )


def make_person(index: int, seed: int = 0) -> Person:
    """Person number `index` (0, 1, ...) of the corpus `seed`; does not depend on how many others there are."""
    draw = _Draws(index, seed)
    u = draw.uniform
    feminine = u() < 0.5
    age = u()
    colours = _colours(draw, age, feminine)
    soft = 1.0 if feminine else 0.0
    beard = "none" if feminine else draw.choice(("none", "stubble", "moustache", "goatee", "full"), (5, 2, 1.5, 1.5, 2))
    voices = (
        ("f1", "f2", "f3", "f4", "linda", "steph", "anika")
        if feminine
        else ("m1", "m2", "m3", "m4", "m6", "m7", "m8", "Andy")
    )
    voice = Voice(
        name=f"{draw.choice(('en-us', 'en-gb-x-rp', 'en-gb-scotland'))}+{draw.choice(voices)}",
        words_a_minute=round(u(150, 180)),
        pitch=round(u(30, 65)),
        pitch_range=round(u(35, 75)),
    )
    # Proportions of real faces: what lies far outside confuses landmark models (and people).
    eye_x, eye_y = u(0.262, 0.326), u(-0.13, -0.03)
    mouth_y = eye_y + u(0.59, 0.71)
    nose_y = eye_y + (mouth_y - eye_y) * u(0.53, 0.66)
    chin = mouth_y + u(0.37, 0.49)
    return Person(
        index=index,
        feminine=feminine,
        age=age,
        face_width=u(0.66, 0.80) - 0.03 * soft,
        jaw_width=u(0.80, 0.98) - 0.06 * soft,
        chin_width=u(0.22, 0.46) - 0.06 * soft,
        chin_length=chin - 0.03 * soft,
        forehead=u(0.97, 1.09),
        fullness=u(),
        eye_x=eye_x,
        eye_y=eye_y,
        eye_width=u(0.105, 0.150) + 0.008 * soft,
        eye_height=u(0.036, 0.078) + 0.006 * soft,
        eye_tilt=u(-0.16, 0.20),
        eye_depth=u(),
        crease=u(),
        lashes=0.25 + 0.75 * soft * u(0.4, 1.0),
        iris_radius=u(0.058, 0.074),
        brow_height=u(0.13, 0.25),
        brow_thickness=u(0.026, 0.075) - 0.014 * soft,
        brow_length=u(0.17, 0.25),
        brow_arch=u(0.0, 0.075),
        brow_tilt=u(-0.26, 0.12),
        nose_y=nose_y,
        nose_width=u(0.115, 0.215) - 0.012 * soft,
        nose_bridge=u(0.045, 0.085),
        nose_height=u(0.16, 0.32),
        nose_tip=u(),
        mouth_y=mouth_y,
        mouth_width=u(0.225, 0.305),
        upper_lip=u(0.040, 0.072) + 0.010 * soft,
        lower_lip=u(0.052, 0.098) + 0.010 * soft,
        cupid=u(0.1, 0.9),
        corner=u(-0.010, 0.046),
        blush=u(0.1, 0.9),
        freckles=max(0.0, u(-1.5, 1.0)),
        mole=(u(-0.45, 0.45), u(0.08, 0.26)) if u() < 0.3 else None,
        wrinkles=max(0.0, age - 0.35) / 0.65,
        eye_shadow=u(0.1, 0.5) + 0.3 * soft * u(),
        hair=_hair(draw, age, feminine),
        beard=beard,
        glasses=draw.choice(("none", "round", "square", "half"), (7, 1, 1, 1)),
        clothes=_rgb(draw.choice(CLOTHES)),
        collar=draw.choice(("crew", "shirt", "vee")),
        backdrop=_rgb(draw.choice(BACKDROPS)),
        light=u(-1, 1),
        voice=voice,
        liveliness=u(0.75, 1.1),
        **colours,
    )
