"""Folders of pictures: layouts, modes, EXIF, and every unreadable file named and counted."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trimaran.data.raw import ImageFiles, RawImages
from trimaran.data.settings import DataSettings
from trimaran.data.sources.folder import list_folder, list_table
from trimaran.data.sources.gather import common_shape, gather
from trimaran.data.sources.pictures import measure, read_picture
from trimaran.data.sources.table import read_table
from trimaran.errors import DataError


def picture(path: Path, size: tuple[int, int] = (12, 10), mode: str = "RGB", value=100) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, value).save(path)
    return path


def pets(root: Path, each: int = 3) -> Path:
    for name, value in (("cat", (10, 20, 30)), ("dog", (40, 50, 60))):
        for k in range(each):
            picture(root / name / f"{k}.png", value=value)
    return root


def test_one_sub_folder_per_class(tmp_path: Path) -> None:
    raw = gather(list_folder(pets(tmp_path / "pets")), DataSettings())
    assert isinstance(raw, RawImages)
    assert raw.images.shape == (6, 10, 12, 3) and raw.notices == ()
    assert raw.labels.tolist() == ["cat"] * 3 + ["dog"] * 3
    assert raw.images[0, 0, 0].tolist() == [10, 20, 30] and raw.origins[5].endswith("dog/2.png")


@pytest.mark.parametrize("name", ["val", "valid", "validation"])
def test_split_folders(tmp_path: Path, name: str) -> None:
    for split, each in (("train", 3), (name, 2), ("test", 1)):
        pets(tmp_path / split, each)
    raw = gather(list_folder(tmp_path), DataSettings())
    assert {k: len(v) for k, v in raw.parts.items()} == {"train": 6, "validation": 4, "test": 2}


def test_nothing_is_skipped_in_silence(tmp_path: Path) -> None:
    pets(tmp_path)
    (tmp_path / "cat" / "notes.txt").write_text("x")
    (tmp_path / "empty").mkdir()
    picture(tmp_path / "loose.png")
    text = " ".join(list_folder(tmp_path).notices)
    assert "1 file(s) in" in text and "notes.txt" in text
    assert "empty holds no picture" in text and "loose.png" in text


def test_no_class_folder_is_an_error(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    with pytest.raises(DataError, match="no sub-folder with pictures"):
        list_folder(tmp_path)


def damage(root: Path) -> None:
    whole = (root / "cat" / "0.png").read_bytes()
    (root / "cat" / "0.png").write_bytes(whole[: len(whole) // 2])
    (root / "dog" / "1.png").write_bytes(b"")
    (root / "dog" / "2.png").write_bytes(b"hello")


def test_unreadable_pictures_are_refused_by_name(tmp_path: Path) -> None:
    damage(pets(tmp_path))
    with pytest.raises(DataError, match="3 of 6 pictures are unreadable") as caught:
        gather(list_folder(tmp_path), DataSettings())
    text = str(caught.value)
    assert all(name in text for name in ("cat/0.png", "dog/1.png", "dog/2.png", "on_bad=drop"))
    assert "it is empty" in text and "not a known picture format" in text


def test_unreadable_pictures_can_be_dropped(tmp_path: Path) -> None:
    damage(pets(tmp_path))
    raw = gather(list_folder(tmp_path), DataSettings(on_bad="drop"))
    assert raw.labels.tolist() == ["cat", "cat", "dog"] and len(raw.images) == 3
    assert [Path(p).name for p in raw.origins] == ["1.png", "2.png", "0.png"]
    assert "3 of 6 pictures are unreadable and left out" in raw.notices[0]
    assert len(raw.facts["unreadable"]) == 3


def test_truncated_jpeg_is_found(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.jpg")
    whole = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="a.jpg is not a readable picture"):
        read_picture(tmp_path / "a.jpg", None, "crop")


def test_exif_turns_the_picture(tmp_path: Path) -> None:
    pixels = np.zeros((10, 20, 3), np.uint8)
    pixels[:, :10] = 255  # left half white
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise: the left becomes the top
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    assert measure(tmp_path / "a.png")[:2] == (20, 10)
    upright = read_picture(tmp_path / "a.png", None, "crop")
    assert upright.shape == (20, 10, 3)
    assert upright[:10].min() == 255 and upright[10:].max() == 0


@pytest.mark.parametrize(
    ("mode", "value", "seen"),
    [
        ("1", 1, 255),
        ("L", 77, 77),
        ("LA", (77, 255), 77),
        ("P", 0, 0),
        ("RGB", (77, 77, 77), 77),
        ("RGBA", (77, 77, 77, 255), 77),
        ("RGBA", (77, 77, 77, 0), 255),  # transparent: white
        ("I;16", 0x4D80, 0x4D),
    ],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_modes(tmp_path: Path, mode: str, value, seen: int, channels: int) -> None:
    path = picture(tmp_path / "a.png", mode=mode, value=value)
    pixels = read_picture(path, (10, 12, channels), "crop")
    assert pixels.dtype == np.uint8 and (pixels == seen).all()


def test_more_modes(tmp_path: Path) -> None:
    Image.new("F", (4, 4), 0.5).save(tmp_path / "f.tiff")
    assert read_picture(tmp_path / "f.tiff", (4, 4, 1), "crop").max() == 127
    Image.new("I", (4, 4), 19200).save(tmp_path / "i.tiff")
    assert read_picture(tmp_path / "i.tiff", (4, 4, 1), "crop").max() == 75
    Image.new("CMYK", (4, 4), (0, 0, 0, 255)).save(tmp_path / "c.jpg")
    assert read_picture(tmp_path / "c.jpg", (4, 4, 3), "crop").max() < 5


@pytest.mark.parametrize("resize", ["crop", "pad", "stretch"])
def test_resize_policies(tmp_path: Path, resize: str) -> None:
    pixels = np.full((10, 30), 200, np.uint8)
    pixels[:, :10] = 100
    Image.fromarray(pixels).save(tmp_path / "a.png")
    out = read_picture(tmp_path / "a.png", (10, 10, 1), resize)[..., 0]
    assert out.shape == (10, 10)
    if resize == "crop":
        assert (out[:, 1:] == 200).all()
    elif resize == "pad":
        assert (out[0] == 0).all() and (out[-1] == 0).all() and out[5].min() >= 99
    else:
        assert out[5, 0] == 100 and out[5, 9] == 200


def test_sizes_differ(tmp_path: Path) -> None:
    picture(tmp_path / "a" / "1.png", (40, 30))
    picture(tmp_path / "b" / "1.png", (20, 50))
    raw = gather(list_folder(tmp_path), DataSettings())
    assert raw.images.shape == (2, 25, 25, 3)
    assert "2 of 2 pictures have another size than 25x25" in raw.notices[0]
    assert gather(list_folder(tmp_path), DataSettings(image_size=8)).images.shape[1:3] == (8, 8)
    assert common_shape([(1000, 900, True, False)], DataSettings()) == (224, 224, 1)


def test_csv_of_paths(tmp_path: Path) -> None:
    pets(tmp_path)
    (tmp_path / "l.csv").write_text("file,label\ncat/0.png,yes\ndog/1.png,no\n")
    raw = gather(
        list_table(read_table(tmp_path / "l.csv"), tmp_path, DataSettings()), DataSettings()
    )
    assert raw.labels.tolist() == ["yes", "no"]
    (tmp_path / "l.csv").write_text("file,label\ncat/0.png,yes\ndog/9.png,no\n")
    with pytest.raises(DataError, match=r"l.csv row 3 names the picture 'dog/9.png'"):
        list_table(read_table(tmp_path / "l.csv"), tmp_path, DataSettings())


def test_large_sets_stay_on_disk(tmp_path: Path) -> None:
    damage(pets(tmp_path))
    raw = gather(list_folder(tmp_path), DataSettings(memory=1e-6, on_bad="drop"))
    assert isinstance(raw, ImageFiles) and len(raw.paths) == 3
    assert raw.labels.tolist() == ["cat", "cat", "dog"]


def test_a_row_that_names_no_picture_is_named(tmp_path: Path) -> None:
    for k in range(20):
        picture(tmp_path / f"{k}.png")
    rows = [f"{k}.png,{k % 2}" for k in range(20)] + ["notes.txt,1"]
    (tmp_path / "labels.csv").write_text("\n".join(["file,label", *rows]))
    table = read_table(tmp_path / "labels.csv")
    with pytest.raises(DataError, match=r"labels\.csv row 22 names the picture 'notes\.txt'"):
        list_table(table, tmp_path, DataSettings())


def test_pictures_of_several_frames_are_told_of(tmp_path: Path) -> None:
    pets(tmp_path)
    frames = [Image.new("RGB", (12, 10), (k, k, k)) for k in (0, 100, 200)]
    frames[0].save(tmp_path / "cat" / "moving.gif", save_all=True, append_images=frames[1:])
    raw = gather(list_folder(tmp_path), DataSettings())
    assert raw.notices == ("1 picture(s) hold several frames or pages; the first is used.",)
    assert raw.images[3].max() == 0 and raw.origins[3].endswith("moving.gif")
