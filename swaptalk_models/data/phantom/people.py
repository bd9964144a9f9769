"""Who the phantoms are: people of every age and skin who differ in shape, surface, light, camera, voice and manner.

Lengths are in head units: the origin lies between nose bridge and cheekbones, u points right, v down, the chin is near
v = 1, so one unit is about half a face.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from swaptalk_models.data.phantom.camera import Camera, draw_camera
from swaptalk_models.data.phantom.draws import Draws
from swaptalk_models.data.phantom.light import Colour, Light, draw_light
from swaptalk_models.data.phantom.palette import BACKDROPS, CLOTHES, HAIR, IRIS, SKIN


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
    """Blood near the surface: redness of cheeks, nose, ears and lids."""
    undertone: float
    """-1 rosy to 1 olive."""
    oil: float
    """Shine of forehead, nose and cheeks."""
    pores: float
    """Depth of pores and fine roughness."""
    mottle: float
    """Unevenness of the skin's colour: patches, old scars, sun spots."""
    shave: float
    """Blue-grey shadow of a shaven beard."""
    lip_gloss: float
    tooth_white: float
    tooth_gaps: float
    """How far the teeth stand apart and how uneven they are."""
    freckles: float
    mole: tuple[float, float] | None
    wrinkles: float
    eye_shadow: float
    hair: str
    beard: str
    glasses: str
    clothes: Colour
    collar: str
    pattern: str
    """Of the cloth."""
    backdrop: Colour
    setting: str
    """What is behind the person; backdrop.py paints it."""
    defocus: float
    """Sigma (units) of the background's blur."""
    part_side: float
    """Side of the parting, -1 or 1."""
    light: Light
    camera: Camera
    voice: Voice
    liveliness: float
    articulation: float
    """Share of the full mouth opening that the person uses: some mumble."""


def _mix(a: ArrayLike, b: ArrayLike, share: float) -> Colour:
    red, green, blue = (1 - share) * np.asarray(a) + share * np.asarray(b)
    return float(red), float(green), float(blue)


def _rgb(colour: tuple[int, int, int]) -> Colour:
    return colour[0] / 255, colour[1] / 255, colour[2] / 255


def _colours(draw: Draws, age: float, feminine: bool) -> dict[str, Any]:
    tone = (len(SKIN) - 1) * draw.uniform() ** 0.7
    low = min(int(tone), len(SKIN) - 2)
    undertone = draw.uniform(-1, 1)
    skin = np.array(_mix(SKIN[low], SKIN[low + 1], tone - low))
    skin = skin * (1 + undertone * np.array((-0.015, 0.03, -0.05))) * draw.uniform(0.95, 1.05)
    fair = tone / (len(SKIN) - 1)
    names = ("black", "dark") if fair < 0.5 else ("black", "dark", "brown", "chestnut", "red", "blond", "fair")
    name = draw.choice(names)
    grey = draw.uniform()
    if age > 0.62:
        name = "grey" if grey < 0.55 else "white" if grey < 0.85 else name
    hair = np.array(_rgb(HAIR[name])) * draw.uniform(0.85, 1.15)
    iris = (
        draw.choice(("dark", "brown"))
        if fair < 0.5
        else draw.choice(("brown", "hazel", "green", "blue", "grey", "dark"))
    )
    # Bare lips are the skin with more blood in it; make-up goes from a tint to plain red or rose.
    bare = skin * np.array((0.90, 0.60, 0.60)) + (1 - fair) * np.array((0.12, 0.05, 0.06)) + 0.02
    made_up = ((0.62, 0.16, 0.20), (0.68, 0.32, 0.36), (0.50, 0.20, 0.22), (0.72, 0.42, 0.40))
    rouge = draw.uniform(0.0, 0.8) ** 1.5 if feminine else 0.0
    lips = _mix(bare, draw.choice(made_up), 0.16 + rouge)
    return {
        "skin": tuple(float(np.clip(c, 0, 1)) for c in skin),
        "undertone": undertone,
        "lip_colour": tuple(float(np.clip(c, 0, 1)) for c in lips),
        "hair_colour": tuple(float(np.clip(c, 0, 1)) for c in hair),
        "brow_colour": _mix(hair * 0.55, skin * 0.30, 0.20 if name not in ("grey", "white") else 0.45),
        "iris_colour": _rgb(IRIS[iris]),
    }


def _hair(draw: Draws, age: float, feminine: bool) -> str:
    if feminine:
        return draw.choice(("long", "bob", "bun", "fringe", "wavy", "curly", "pixie"))
    if age > 0.6:
        return draw.choice(("receding", "bald", "side", "short"))
    return draw.choice(
        ("short", "side", "quiff", "curly", "buzz", "receding", "bald", "long"), (3, 3, 3, 2, 2, 1, 1, 1)
    )


def make_person(index: int, seed: int = 0) -> Person:
    """Person number `index` (0, 1, ...) of the corpus `seed`; does not depend on how many others there are."""
    draw = Draws(index, seed)
    u = draw.uniform
    feminine = u() < 0.5
    age = u()
    colours = _colours(draw, age, feminine)
    clothes = _rgb(draw.choice(CLOTHES))
    soft = 1.0 if feminine else 0.0
    beard = "none" if feminine else draw.choice(("none", "stubble", "moustache", "goatee", "full"), (5, 2, 1.5, 1.5, 2))
    voices = (
        ("f1", "f2", "f3", "f4", "f5", "linda", "steph", "anika", "belinda", "aunty", "Annie", "Alicia", "steph2")
        if feminine
        else ("m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "Andy", "ed", "john", "paul", "max", "michel", "Denis")
    )
    voice = Voice(
        name=f"{draw.choice(('en-us', 'en-gb-x-rp', 'en-gb-scotland', 'en-us-nyc', 'en'))}+{draw.choice(voices)}",
        words_a_minute=round(u(132, 196)),
        pitch=round(u(25, 70)),
        pitch_range=round(u(30, 80)),
    )
    # Proportions of real faces: what lies far outside confuses landmark models (and people).
    eye_x, eye_y = u(0.262, 0.326), u(-0.13, -0.03)
    mouth_y = eye_y + u(0.61, 0.72)
    nose_y = eye_y + (mouth_y - eye_y) * u(0.56, 0.65)
    chin = mouth_y + u(0.40, 0.50)
    return Person(
        index=index,
        feminine=feminine,
        age=age,
        face_width=u(0.65, 0.77) - 0.02 * soft,
        jaw_width=u(0.80, 0.95) - 0.06 * soft,
        chin_width=u(0.20, 0.33) - 0.04 * soft,
        chin_length=chin - 0.02 * soft,
        forehead=u(0.97, 1.09),
        fullness=u(),
        eye_x=eye_x,
        eye_y=eye_y,
        eye_width=u(0.105, 0.140) + 0.006 * soft,
        eye_height=u(0.034, 0.060) + 0.005 * soft,
        eye_tilt=u(-0.16, 0.20),
        eye_depth=u(),
        crease=u(),
        lashes=0.25 + 0.75 * soft * u(0.4, 1.0),
        iris_radius=u(0.054, 0.066),
        brow_height=u(0.13, 0.25),
        brow_thickness=u(0.028, 0.062) - 0.010 * soft,
        brow_length=u(0.17, 0.25),
        brow_arch=u(0.0, 0.075),
        brow_tilt=u(-0.26, 0.12),
        nose_y=nose_y,
        nose_width=u(0.112, 0.185) - 0.010 * soft,
        nose_bridge=u(0.060, 0.095),
        nose_height=u(0.15, 0.28),
        nose_tip=u(),
        mouth_y=mouth_y,
        mouth_width=u(0.215, 0.285),
        upper_lip=u(0.046, 0.078) + 0.010 * soft,
        lower_lip=u(0.052, 0.098) + 0.010 * soft,
        cupid=u(0.1, 0.9),
        corner=u(-0.018, 0.024),
        blush=u(0.1, 0.9),
        freckles=max(0.0, u(-1.5, 1.0)),
        mole=(u(-0.45, 0.45), u(0.08, 0.26)) if u() < 0.3 else None,
        wrinkles=max(0.0, age - 0.35) / 0.65,
        eye_shadow=u(0.1, 0.5) + 0.3 * soft * u(),
        hair=_hair(draw, age, feminine),
        beard=beard,
        glasses=draw.choice(("round", "square", "half", "none"), (1, 1, 1, 7)),
        clothes=clothes,
        collar=draw.choice(("crew", "shirt", "vee", "suit"), (3, 2, 2, 3)),
        pattern=draw.choice(("plain", "stripes", "knit", "check"), (4, 1, 1, 1)),
        backdrop=_rgb(draw.choice(BACKDROPS)),
        setting=draw.choice(("wall", "studio", "shelves", "window", "foliage", "curtain", "lights")),
        defocus=0.008 + 0.10 * u() ** 2,
        part_side=draw.choice((-1.0, 1.0)),
        oil=u(),
        pores=u(0.2, 1.0),
        mottle=u(0.15, 1.0),
        shave=0.0 if feminine else u(0.0, 1.0),
        lip_gloss=u(0.1, 0.7) + 0.3 * soft,
        tooth_white=u(),
        tooth_gaps=u(),
        light=draw_light(draw, clothes, colours["skin"]),
        camera=draw_camera(draw),
        voice=voice,
        liveliness=u(0.6, 1.2),
        articulation=u(0.78, 1.0),
        **colours,
    )
