import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from trimaran.data.warp import FILLS, affine_warp, windows

SCIPY = {"constant": "constant", "edge": "nearest", "reflect": "mirror"}
NUMPY = {"constant": "constant", "edge": "edge", "reflect": "reflect"}


def pictures(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@given(
    st.integers(1, 4),
    st.integers(4, 9),
    st.integers(4, 9),
    st.sampled_from([1, 3]),
    st.integers(0, 3),
    st.sampled_from(FILLS),
)
def test_windows_cut_what_numpy_pads(b: int, h: int, w: int, c: int, reach: int, fill: str) -> None:
    images = pictures((b, h, w, c))
    offsets = np.random.default_rng(1).integers(-reach, reach + 1, (b, 2))
    got = windows(images, offsets, reach, fill)
    edges = ((reach, reach), (reach, reach), (0, 0))
    for i, (down, right) in enumerate(offsets + reach):
        padded = np.pad(images[i], edges, mode=NUMPY[fill])  # type: ignore[call-overload]
        np.testing.assert_array_equal(got[i], padded[down : down + h, right : right + w])


@given(
    st.tuples(st.integers(1, 3), st.integers(2, 9), st.integers(2, 9), st.sampled_from([1, 3])),
    st.integers(0, 10**6),
    st.sampled_from(FILLS),
)
def test_warp_equals_scipys_bilinear(
    shape: tuple[int, int, int, int], seed: int, fill: str
) -> None:
    """scipy.ndimage.affine_transform of order 1, image by image and channel by channel."""
    rng = np.random.default_rng(seed)
    images = pictures(shape, seed)
    matrices = np.eye(2) + rng.uniform(-0.5, 0.5, (shape[0], 2, 2))
    offsets = rng.uniform(-4, 4, (shape[0], 2))
    got = affine_warp(images, matrices, offsets, fill)
    centre = (np.array(shape[1:3]) - 1) / 2
    for i in range(shape[0]):
        at = centre + offsets[i] - matrices[i] @ centre
        for channel in range(shape[3]):
            # A black ring of two pixels, since SciPy's own border is not interpolated.
            ring = 2 if fill == "constant" else 0
            source = np.pad(images[i, :, :, channel].astype(float), ring)
            expected = ndimage.affine_transform(
                source, matrices[i], at + ring, shape[1:3], order=1, mode=SCIPY[fill]
            )
            np.testing.assert_allclose(got[i, :, :, channel], expected, atol=0.01)


def test_whole_pixel_warp_equals_the_window() -> None:
    images = pictures((5, 8, 6, 3))
    offsets = np.array([[0, 0], [2, -1], [-2, 2], [1, 1], [0, -2]])
    same = np.tile(np.eye(2), (5, 1, 1))
    for fill in FILLS:
        np.testing.assert_array_equal(
            affine_warp(images, same, offsets, fill), windows(images, offsets, 2, fill)
        )


def test_large_batches_are_cut_without_a_seam() -> None:
    images = pictures((40, 30, 30, 1))
    turn = np.tile([[0.8, 0.6], [-0.6, 0.8]], (40, 1, 1))
    whole = affine_warp(images, turn, np.zeros((40, 2)), "constant")
    alone = [
        affine_warp(images[i : i + 1], turn[:1], np.zeros((1, 2)), "constant") for i in (0, 39)
    ]
    np.testing.assert_array_equal(whole[[0, 39]], np.concatenate(alone))


def test_one_pixel_images_do_not_break_reflection() -> None:
    images = pictures((2, 1, 1, 1))
    got = affine_warp(images, np.tile(np.eye(2), (2, 1, 1)), np.full((2, 2), 3.0), "reflect")
    np.testing.assert_array_equal(got, images)


@pytest.mark.parametrize("fault", ["transposed", "offset"])
def test_the_oracle_notices_a_wrong_map(fault: str) -> None:
    """Planted fault: rotating the other way, or being half a pixel off."""
    images = pictures((1, 9, 9, 1))
    turn = np.array([[[0.8, 0.6], [-0.6, 0.8]]])
    right = affine_warp(images, turn, np.zeros((1, 2)), "edge")
    matrix = turn.transpose(0, 2, 1) if fault == "transposed" else turn
    wrong = affine_warp(images, matrix, np.full((1, 2), 0.5 * (fault == "offset")), "edge")
    assert np.abs(right - wrong).max() > 1
