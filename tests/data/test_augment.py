from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimaran.data import augment as module
from trimaran.data.augment import Augment, augment, augment_rows
from trimaran.data.batches import Rows
from trimaran.errors import DataError

EVERYTHING = Augment(True, True, 2, 15.0, 0.1, 0.1, 5.0, 0.2, 0.2, 3)
KINDS = [
    Augment(flip=True),
    Augment(vertical_flip=True),
    Augment(crop=3),
    Augment(rotate=30.0),
    Augment(shift=0.2),
    Augment(zoom=0.3),
    Augment(shear=20.0),
    Augment(brightness=0.3),
    Augment(contrast=0.5),
    Augment(cutout=4),
    EVERYTHING,
]
IDS = np.arange(1000, 1064)


def pictures(n: int = 64, size: int = 12, channels: int = 3) -> np.ndarray:
    shape = (n, size, size, channels)
    return np.random.default_rng(0).integers(20, 236, shape, dtype=np.uint8)


def only(settings: Augment) -> str:
    changed = [f.name for f in fields(Augment) if getattr(settings, f.name) != f.default]
    return "everything" if len(changed) > 1 else changed[0]


@pytest.mark.parametrize("settings", KINDS, ids=only)
def test_each_kind_changes_images_and_keeps_their_type(settings: Augment) -> None:
    images = pictures()
    before = images.copy()
    changed = augment(images, settings, 0, 0, IDS)
    assert changed.dtype == np.uint8 and changed.shape == images.shape
    assert not np.array_equal(changed, images)
    np.testing.assert_array_equal(images, before)


def assert_rows_decide(settings: Augment) -> None:
    """Any order and any composition of batches gives each row the same picture."""
    images = pictures()
    whole = augment(images, settings, 5, 2, IDS)
    order = np.random.default_rng(1).permutation(64)
    for part in np.split(order, [1, 8, 40]):
        got = augment(images[part], settings, 5, 2, IDS[part])
        np.testing.assert_array_equal(got, whole[part])


@pytest.mark.parametrize("settings", KINDS, ids=only)
def test_a_change_depends_on_its_row_alone(settings: Augment) -> None:
    assert_rows_decide(settings)


def test_drawing_by_place_in_the_batch_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault: an augmentation that ignores the id."""
    real = module.uniforms
    monkeypatch.setattr(
        module, "uniforms", lambda s, e, ids, p, n: real(s, e, np.arange(len(ids)), p, n)
    )
    with pytest.raises(AssertionError):
        assert_rows_decide(Augment(crop=2))


@pytest.mark.parametrize("key", [(1, 0, 0), (0, 1, 0), (0, 0, 1)])
def test_seed_epoch_and_id_each_matter(key: tuple[int, int, int]) -> None:
    seed, epoch, shift = key
    images = pictures()
    plain = augment(images, EVERYTHING, 0, 0, IDS)
    assert not np.array_equal(plain, augment(images, EVERYTHING, seed, epoch, IDS + shift))


def test_another_kind_does_not_alter_the_draws_of_a_kind() -> None:
    images = np.zeros((64, 16, 16, 1), np.uint8)
    images[:, 8, 8] = 200
    cropped = augment(images, Augment(crop=3), 0, 0, IDS)
    both = augment(images, Augment(crop=3, brightness=0.1), 0, 0, IDS)
    place = cropped.reshape(64, -1).argmax(1)
    np.testing.assert_array_equal(both.reshape(64, -1).argmax(1), place)


def test_flip_mirrors_about_half_of_the_rows() -> None:
    images = pictures(2000, 4, 1)
    changed = augment(images, Augment(flip=True), 0, 0, np.arange(2000))
    mirrored = (changed == images[:, :, ::-1]).all((1, 2, 3))
    kept = (changed == images).all((1, 2, 3))
    assert (mirrored | kept).all()
    assert 900 < mirrored.sum() < 1100


def test_vertical_and_horizontal_flips_are_drawn_apart() -> None:
    images = pictures(400, 4, 1)
    changed = augment(images, Augment(flip=True, vertical_flip=True), 0, 0, np.arange(400))
    ways = [images[:, ::a, ::b] for a in (1, -1) for b in (1, -1)]
    counts = [int((changed == way).all((1, 2, 3)).sum()) for way in ways]
    assert sum(counts) == 400 and min(counts) > 60


def test_crop_reaches_every_offset_and_no_other() -> None:
    images = np.zeros((2000, 9, 9, 1), np.uint8)
    images[:, 4, 4] = 1
    changed = augment(images, Augment(crop=2), 0, 0, np.arange(2000))
    _, y, x, _ = np.nonzero(changed)
    counts = np.histogram2d(y, x, (np.arange(10), np.arange(10)))[0]
    assert counts[2:7, 2:7].min() > 40 and counts.sum() == counts[2:7, 2:7].sum() == 2000


def test_a_warp_that_only_crops_and_flips_equals_the_fast_path() -> None:
    """The two routes tell the same geometry: a hair of rotation moves nothing visible."""
    images = pictures()
    fast = augment(images, Augment(True, True, 2), 0, 0, IDS)
    slow = augment(images, Augment(True, True, 2, rotate=1e-6), 0, 0, IDS)
    np.testing.assert_array_equal(fast, slow)


def test_rotation_stays_within_its_degrees() -> None:
    """A ray from the centre is found again, turned by at most the limit, to both sides."""
    images = np.zeros((300, 41, 41, 1), np.uint8)
    images[:, 20, 21:] = 255
    changed = augment(images, Augment(rotate=20.0), 0, 0, np.arange(300)).astype(float)
    y, x = np.mgrid[:41, :41] - 20
    mass = changed[..., 0].sum((1, 2))
    angles = np.degrees(
        np.arctan2(
            (changed[..., 0] * y).sum((1, 2)) / mass, (changed[..., 0] * x).sum((1, 2)) / mass
        )
    )
    assert np.abs(angles).max() < 20.5
    assert angles.min() < -17 and angles.max() > 17


def test_zoom_keeps_the_centre_and_shear_keeps_the_middle_row() -> None:
    images = pictures(32, 11, 1)
    zoomed = augment(images, Augment(zoom=0.5), 0, 0, IDS[:32])
    np.testing.assert_array_equal(zoomed[:, 5, 5], images[:, 5, 5])
    sheared = augment(images, Augment(shear=30.0), 0, 0, IDS[:32])
    np.testing.assert_array_equal(sheared[:, 5], images[:, 5])


@given(st.floats(0.01, 0.5), st.integers(0, 99))
def test_brightness_adds_one_number_per_image(reach: float, seed: int) -> None:
    images = np.random.default_rng(0).random((8, 5, 5, 3), np.float32)
    added = augment(images, Augment(brightness=reach), seed, 0, IDS[:8]) - images
    np.testing.assert_allclose(added, added[:, :1, :1, :1] + 0 * added, atol=1e-6)
    assert np.abs(added).max() <= reach + 1e-6


def test_brightness_saturates_bytes() -> None:
    images = np.full((64, 2, 2, 1), 250, np.uint8)
    changed = augment(images, Augment(brightness=1.0), 0, 0, IDS)
    assert changed.max() == 255 and changed.min() < 100


def test_contrast_keeps_each_channels_mean() -> None:
    images = np.random.default_rng(0).random((16, 6, 6, 3), np.float32)
    changed = augment(images, Augment(contrast=0.5), 0, 0, IDS[:16])
    np.testing.assert_allclose(changed.mean((1, 2)), images.mean((1, 2)), atol=1e-6)
    gain = changed.std((1, 2)) / images.std((1, 2))
    np.testing.assert_allclose(gain, gain[:, :1] + 0 * gain, rtol=1e-4)
    assert gain.min() > 0.5 and gain.max() < 1.5


def test_cutout_blackens_at_most_one_square() -> None:
    images = np.full((500, 10, 10, 3), 9, np.uint8)
    changed = augment(images, Augment(cutout=4), 0, 0, np.arange(500))
    black = (changed == 0).all(3)
    assert ((changed == 0).any(3) == black).all()
    assert black.sum((1, 2)).max() == 16 and black.sum((1, 2)).min() >= 4
    assert black.any(0).all()


def test_floats_stay_floats() -> None:
    images = np.random.default_rng(0).random((64, 8, 8, 1), np.float32)
    changed = augment(images, replace(EVERYTHING, fill="reflect"), 0, 0, IDS)
    assert changed.dtype == np.float32 and np.isfinite(changed).all()


def test_nothing_asked_returns_the_same_array() -> None:
    images = pictures()
    assert augment(images, Augment(), 0, 0, IDS) is images
    assert augment(images[:0], EVERYTHING, 0, 0, IDS[:0]).shape == (0, 12, 12, 3)


def test_rows_move_their_images_alike_and_nothing_else() -> None:
    images = pictures(4)
    table = np.ones((4, 3), np.float32)
    rows = Rows({"a": images, "b": images, "age": table}, {}, None, IDS[:4])
    changed = augment_rows(rows, EVERYTHING, 0, 0)
    np.testing.assert_array_equal(changed.inputs["a"], changed.inputs["b"])
    assert changed.inputs["age"] is table and not np.array_equal(changed.inputs["a"], images)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"crop": -1}, "'crop' must be a whole number from 0 to 1024, but is -1"),
        ({"cutout": 2.5}, "'cutout' must be a whole number"),
        ({"rotate": 400.0}, "'rotate' must be a number from 0 to 180"),
        ({"zoom": 1.0}, "'zoom'"),
        ({"brightness": float("nan")}, "'brightness' .* is nan"),
        ({"fill": "wrap"}, "'wrap' is unknown; choose constant, edge, reflect"),
    ],
)
def test_settings_refuse(settings: dict[str, float], words: str) -> None:
    with pytest.raises(DataError, match=words):
        Augment(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("images", "ids", "words"),
    [
        (np.zeros((2, 4, 4), np.uint8), 2, "uint8 of shape"),
        (np.zeros((2, 4, 4, 1), np.float64), 2, "float64"),
        (np.zeros((2, 4, 4, 1), np.uint8), 3, r"\(3,\) ids for 2 images"),
    ],
)
def test_augment_refuses(images: np.ndarray, ids: int, words: str) -> None:
    with pytest.raises(DataError, match=words):
        augment(images, Augment(flip=True), 0, 0, np.arange(ids))
