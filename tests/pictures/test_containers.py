"""Further containers: the same samples come out of each, what is cut short is refused, and the facts are stated."""

from __future__ import annotations

import io
import struct

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from forensics.errors import PictureError
from forensics.pictures.opened import open_picture

from .conftest import make_photo, saved


def pam(array: np.ndarray) -> bytes:
    depth, top = array.shape[2], 255 if array.itemsize == 1 else 65535
    head = f"P7\nWIDTH {array.shape[1]}\nHEIGHT {array.shape[0]}\nDEPTH {depth}\nMAXVAL {top}\nTUPLTYPE RGB\nENDHDR\n"
    return head.encode() + array.astype(array.dtype.newbyteorder(">")).tobytes()


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def npz(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, first=array, second=array[::-1].copy())
    return buffer.getvalue()


def sgi(array: np.ndarray) -> bytes:
    planes = np.moveaxis(array, 2, 0)[:, ::-1].astype(array.dtype.newbyteorder(">"))
    head = struct.pack(">HBBHHHHII", 474, 0, array.itemsize, 3, array.shape[1], array.shape[0], 3, 0, 255)
    return head.ljust(512, b"\0") + planes.tobytes()


def icon(array: np.ndarray) -> bytes:
    small, large = saved(array[:32, :32].copy(), "PNG"), saved(array, "PNG")
    entries = struct.pack("<BBBBHHII", 32, 32, 0, 0, 1, 24, len(small), 38) + struct.pack(
        "<BBBBHHII", 192, 160, 0, 0, 1, 24, len(large), 38 + len(small)
    )
    return struct.pack("<HHH", 0, 1, 2) + entries + small + large


def dds(array: np.ndarray) -> bytes:
    return saved(array, "DDS")


def ktx2(array: np.ndarray) -> bytes:
    data = array.tobytes()
    head = struct.pack("<9I", 23, 1, array.shape[1], array.shape[0], 0, 0, 1, 1, 0) + struct.pack(
        "<4I2Q", 0, 0, 0, 0, 0, 0
    )
    level = struct.pack("<3Q", 104, len(data), len(data))
    return b"\xabKTX 20\xbb\r\n\x1a\n" + head + level + data


LOSSLESS = {
    "png": lambda a: saved(a, "PNG"),
    "tiff": lambda a: saved(a, "TIFF"),
    "tiff-lzw": lambda a: saved(a, "TIFF", compression="tiff_lzw"),
    "bmp": lambda a: saved(a, "BMP"),
    "ppm": lambda a: saved(a, "PPM"),
    "pam": pam,
    "tga": lambda a: saved(a, "TGA"),
    "tga-rle": lambda a: saved(a, "TGA", compression="tga_rle"),
    "qoi": lambda a: bytes(imagecodecs.qoi_encode(a)),
    "pcx": lambda a: saved(a, "PCX"),
    "sgi": sgi,
    "sgi-pillow": lambda a: saved(a, "SGI"),
    "ico": icon,
    "npy": npy,
    "npz": npz,
    "dds": dds,
    "ktx2": ktx2,
    "jpegls": lambda a: bytes(imagecodecs.jpegls_encode(a)),
    "webp": lambda a: saved(a, "WEBP", lossless=True),
    "jpegxl": lambda a: bytes(imagecodecs.jpegxl_encode(a, lossless=True)),
    "jpeg2000": lambda a: bytes(imagecodecs.jpeg2k_encode(a, level=0, reversible=True)),
    "avif": lambda a: bytes(imagecodecs.avif_encode(a, level=100, pixelformat="444")),
}


@pytest.mark.parametrize("kind", LOSSLESS)
def test_one_picture_in_every_lossless_container_gives_the_same_samples(kind, photo):
    """The verdict is a function of the samples, and of nothing else."""
    opened = open_picture(LOSSLESS[kind](photo))
    np.testing.assert_array_equal(opened.pixels, photo)
    assert opened.container["lossy"] in (False, None)
    assert opened.container["suffix_fits"]


@pytest.mark.parametrize("kind", [k for k in LOSSLESS if k not in ("png", "tiff", "bmp", "ppm")])
@pytest.mark.parametrize("keep", [0.5, 0.95])
def test_containers_cut_short_are_refused_in_one_line(kind, keep, photo):
    data = LOSSLESS[kind](photo)
    with pytest.raises(PictureError) as refused:
        open_picture(data[: int(len(data) * keep)])
    assert "\n" not in str(refused.value)
    assert "0x" not in str(refused.value)


@pytest.mark.parametrize("kind", ["pam", "npy", "sgi"])
def test_sixteen_bits_stay(kind, photo):
    deep = photo.astype(np.uint16) * 256 + 77
    np.testing.assert_array_equal(open_picture(LOSSLESS[kind](deep)).pixels, deep)


def test_near_lossless_jpeg_ls_states_its_error(photo):
    for near in (0, 1, 3):
        opened = open_picture(imagecodecs.jpegls_encode(photo, level=near))
        assert (opened.container["largest_error"], opened.container["lossy"]) == (near, near > 0)
        assert np.abs(opened.pixels.astype(int) - photo).max() <= near


def test_block_textures_are_lossy_and_plain_ones_not(photo):
    assert open_picture(saved(photo, "DDS", pixel_format="DXT1")).container["texture_coding"] == "BC1"
    assert open_picture(saved(photo, "DDS", pixel_format="DXT1")).container["lossy"] is True
    assert open_picture(saved(photo, "DDS")).container["lossy"] is False


def test_basis_textures_are_named():
    data = ktx2(make_photo(16, 16)).replace(struct.pack("<I", 23), struct.pack("<I", 0), 1)
    with pytest.raises(PictureError, match="Basis Universal"):
        open_picture(data)


def test_the_largest_picture_of_an_icon_is_read_and_any_other_by_number(photo):
    opened = open_picture(icon(photo))
    assert "the largest of 2 pictures in the file was read" in opened.notes
    np.testing.assert_array_equal(open_picture(icon(photo), frame="0").pixels, photo[:32, :32])


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP"])
def test_frames_of_animations_are_chosen_by_number(form):
    pages = [Image.fromarray(make_photo(seed=k)) for k in (1, 2, 3)]
    buffer = io.BytesIO()
    pages[0].save(
        buffer, form, save_all=True, append_images=pages[1:], **({"lossless": True} if form == "WEBP" else {})
    )
    data = buffer.getvalue()
    with Image.open(io.BytesIO(data)) as second:
        for k in (0, 2):
            second.seek(k)
            np.testing.assert_array_equal(open_picture(data, frame=str(k)).pixels, np.array(second.convert("RGB")))
    with pytest.raises(PictureError, match="3 pictures"):
        open_picture(data, frame="3")


def test_a_choice_is_refused_where_there_is_one_picture(photo):
    for kind in ("png", "qoi", "npy"):
        with pytest.raises(PictureError, match="holds 1 pictures"):
            open_picture(LOSSLESS[kind](photo), frame="1")


def video(codec: str, form: str, frames: int = 6, **options: str) -> bytes:
    av = pytest.importorskip("av")
    buffer = io.BytesIO()
    try:
        with av.open(buffer, "w", format=form) as file:
            stream = file.add_stream(codec, rate=25)
            stream.width, stream.height, stream.pix_fmt = 128, 96, "yuvj420p" if codec == "mjpeg" else "yuv420p"
            stream.options = options
            wide = make_photo(96, 128 + 4 * frames)
            for k in range(frames):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(wide[:, 4 * k : 4 * k + 128]), format="rgb24")
                file.mux(stream.encode(frame))
            file.mux(stream.encode())
    except (av.error.FFmpegError, ValueError) as error:
        pytest.skip(f"this FFmpeg cannot write {codec}: {error}")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("codec", "form", "process"),
    [
        ("libx264", "mp4", "video-h264"),
        ("libx265", "mp4", "video-hevc"),
        ("mpeg4", "avi", "video-mpeg4"),
        ("mpeg2video", "mpeg", "video-mpeg2"),
        ("mjpeg", "matroska", "video-mjpeg"),
        ("libvpx", "webm", "video-vp8"),
        ("libvpx-vp9", "webm", "video-vp9"),
    ],
)
def test_the_first_key_frame_of_a_video_is_read_and_what_it_states(codec, form, process):
    data = video(codec, form)
    opened = open_picture(data)
    assert opened.pixels.shape == (96, 128, 3)
    facts = opened.container
    assert (facts["format"], facts["codec"], facts["lossy"], facts["key_frame"], facts["frame"]) == (
        "video",
        process,
        True,
        True,
        0,
    )


def test_frames_of_a_video_by_number_and_time():
    data = video("mpeg4", "avi", 8, g="4")
    second, later = open_picture(data, frame="1"), open_picture(data, frame="0.2s")
    assert (second.container["frame"], later.container["frame"]) == (1, 5)
    assert second.container["key_frame"] is False
    for wrong, word in (("99", "no frame 99"), ("x", "a number from 0, or a time")):
        with pytest.raises(PictureError, match=word):
            open_picture(data, frame=wrong)


def test_lossless_video_is_stated_lossless():
    assert open_picture(video("ffv1", "matroska")).container["lossy"] is False


def dicom(array: np.ndarray | bytes, syntax: str, bits: int = 8, **fields) -> bytes:
    pydicom = pytest.importorskip("pydicom")
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.encaps import encapsulate

    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = (
        syntax,
        "1.2.840.10008.5.1.4.1.1.7",
        "1.2.3",
    )
    data = FileDataset("made", {}, file_meta=meta, preamble=bytes(128))
    data.SOPClassUID, data.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3"
    data.Rows, data.Columns, data.SamplesPerPixel, data.PhotometricInterpretation = 160, 192, 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = (
        (16 if bits > 8 else 8),
        bits,
        bits - 1,
        0,
    )
    for name, value in fields.items():
        setattr(data, name, value)
    data.PixelData = encapsulate([array]) if isinstance(array, bytes) else array.tobytes()
    if isinstance(array, bytes):
        data["PixelData"].is_undefined_length = True
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, data, enforce_file_format=True)
    return buffer.getvalue()


def test_dicom_at_its_native_depth(photo):
    grey = np.ascontiguousarray(photo[:, :, 0])
    plain = "1.2.840.10008.1.2.1"
    np.testing.assert_array_equal(open_picture(dicom(grey, plain)).pixels, grey)
    twelve = (grey.astype("<u2") << 4) | 5
    shown = open_picture(dicom(twelve, plain, 12)).pixels
    assert np.abs(shown.astype(float) - twelve * (65535 / 4095)).max() <= 0.5
    signed = (twelve.astype("<i2") - 2048).astype("<i2")
    np.testing.assert_array_equal(open_picture(dicom(signed, plain, 12, PixelRepresentation=1)).pixels, shown)
    inverted = open_picture(dicom(grey, plain, PhotometricInterpretation="MONOCHROME1"))
    np.testing.assert_array_equal(inverted.pixels, 255 - grey)
    with pytest.raises(PictureError, match="% of frame 0 is there"):
        open_picture(dicom(grey[:80].copy(), plain))
    both = b"II*\0" + dicom(grey, plain)[4:]  # a preamble that looks like a TIFF
    np.testing.assert_array_equal(open_picture(both).pixels, grey)


def test_signed_samples_of_jpeg2000_are_moved_up(photo):
    grey = photo[:, :, 0].astype(np.int16) * 128 - 16383
    shown = open_picture(imagecodecs.jpeg2k_encode(grey, level=0, reversible=True, codecformat="j2k"))
    np.testing.assert_array_equal(shown.pixels, (grey.astype(np.int32) + 32768).astype(np.uint16))
    assert any("moved up" in note for note in shown.notes)


def test_dicom_says_whether_it_was_compressed_and_that_is_held_against_the_coding(photo):
    grey = np.ascontiguousarray(photo[:, :, 0])
    jpegls = open_picture(
        dicom(bytes(imagecodecs.jpegls_encode(grey)), "1.2.840.10008.1.2.4.80", LossyImageCompression="01")
    )
    np.testing.assert_array_equal(jpegls.pixels, grey)
    assert any("compressed with loss before" in note for note in jpegls.notes)
    coded = saved(grey, "JPEG", quality=80)
    jpeg = open_picture(dicom(coded, "1.2.840.10008.1.2.4.50", LossyImageCompression="00"))
    np.testing.assert_array_equal(jpeg.pixels, open_picture(coded).pixels)
    assert jpeg.container["codec"] == "jpeg"
    assert any("states no lossy compression" in note for note in jpeg.notes)
    padded = bytes(imagecodecs.jpeg2k_encode(grey, level=0, codecformat="j2k")) + b"\0"
    np.testing.assert_array_equal(open_picture(dicom(padded, "1.2.840.10008.1.2.4.90")).pixels, grey)


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.4.53", "1.2.840.10008.1.2.4.55"])
def test_retired_progressive_jpegs_in_dicom_are_read(photo, syntax):
    coded = saved(photo, "JPEG", quality=80, progressive=True)
    found = open_picture(dicom(coded, syntax, PhotometricInterpretation="YBR_FULL", PlanarConfiguration=0))
    np.testing.assert_array_equal(found.pixels, open_picture(coded).pixels)
    assert found.container["codec"] == "jpeg"


HTJ2K = "1.2.840.10008.1.2.4.201"


def test_jpegxl_in_dicom_is_read_and_what_is_not_read_is_named(photo):
    def newer(coded: bytes, syntax: str) -> bytes:
        """A file of a transfer syntax that pydicom does not write."""
        return dicom(coded, HTJ2K).replace(HTJ2K.encode(), syntax.encode().ljust(len(HTJ2K), b"\0"), 1)

    grey = np.ascontiguousarray(photo[:, :, 0])
    lossless = bytes(imagecodecs.jpegxl_encode(grey, lossless=True))
    found = open_picture(newer(lossless, "1.2.840.10008.1.2.4.110"))
    np.testing.assert_array_equal(found.pixels, grey)
    assert found.container["lossy"] is False
    lossy = open_picture(newer(bytes(imagecodecs.jpegxl_encode(grey, distance=1.0)), "1.2.840.10008.1.2.4.112"))
    assert lossy.container["codec"] == "jpegxl"
    for syntax, said in (
        ("1.2.840.10008.1.2.4.103", "a video stream"),
        ("1.2.840.10008.1.2.4.94", "names a server"),
        ("1.2.840.10008.1.2.4.52", r"transfer syntax 1.2.840.10008.1.2.4.52 \(JPEG"),
        ("1.2.826.0.1.3680043.2.1", r"transfer syntax 1.2.826.0.1.3680043.2.1 is not read"),
    ):
        with pytest.raises(PictureError, match=said):
            open_picture(newer(lossless, syntax))


@pytest.mark.parametrize(
    ("kind", "scheme", "said"),
    [
        (0, 1, "ETC1S"),
        (0, 2, "UASTC"),
        (147, 0, "ETC2 or EAC"),
        (157, 0, "ASTC, which"),
        (143, 0, "BC6H"),
        (99, 0, "VkFormat 99"),
    ],
)
def test_textures_that_are_not_read_are_named(kind, scheme, said):
    data = bytearray(ktx2(make_photo(16, 16)))
    data[12:16], data[44:48] = struct.pack("<I", kind), struct.pack("<I", scheme)
    with pytest.raises(PictureError, match=said):
        open_picture(bytes(data))


def test_pictures_of_a_pdf_are_read_as_they_are_stored(photo):
    pikepdf = pytest.importorskip("pikepdf")
    coded = saved(photo, "JPEG", quality=80)
    document = pikepdf.new()
    document.add_blank_page()
    name = pikepdf.Name
    common = {
        "Type": name.XObject,
        "Subtype": name.Image,
        "Width": 192,
        "BitsPerComponent": 8,
        "ColorSpace": name.DeviceRGB,
    }
    raw = pikepdf.Stream(document, photo[:50].tobytes(), Height=50, **common)
    jpeg = pikepdf.Stream(document, coded, Height=160, Filter=name.DCTDecode, **common)
    objects = pikepdf.Dictionary(A=document.make_indirect(raw), B=document.make_indirect(jpeg))
    document.pages[0].Resources = pikepdf.Dictionary(XObject=objects)
    buffer = io.BytesIO()
    document.save(buffer)
    data = buffer.getvalue()
    found = [open_picture(data, frame=str(k)) for k in range(2)]
    assert sorted(picture.container.get("codec", "") for picture in found) == ["", "jpeg"]
    largest = open_picture(data)
    np.testing.assert_array_equal(largest.pixels, open_picture(coded).pixels)
    plain = next(picture for picture in found if "codec" not in picture.container)
    np.testing.assert_array_equal(plain.pixels, photo[:50])


def test_wsq_is_read_where_its_package_is(photo):
    plugin = pytest.importorskip("wsq.WsqImagePlugin")
    buffer = io.BytesIO()
    Image.fromarray(photo[:, :, 0].copy()).save(buffer, plugin.WsqImageFile.format)
    opened = open_picture(buffer.getvalue())
    assert (opened.container["codec"], opened.container["lossy"]) == ("wsq", True)
    assert np.abs(opened.pixels.astype(int) - photo[:, :, 0]).mean() < 6


def test_a_folder_takes_further_pictures_by_content_and_leaves_documents_alone(photo, tmp_path):
    from forensics.inputs import expand

    for kind in ("qoi", "pam", "jpegls", "ico", "sgi", "dds", "ktx2", "pcx"):
        (tmp_path / f"{kind}.bin").write_bytes(LOSSLESS[kind](photo))
    (tmp_path / "picture.tga").write_bytes(LOSSLESS["tga"](photo))
    (tmp_path / "array.npy").write_bytes(npy(photo))
    (tmp_path / "paper.pdf").write_bytes(b"%PDF-1.7\n" + bytes(100))
    (tmp_path / "notes.txt").write_text("no picture")
    found = expand([str(tmp_path)])
    assert len(found) == 9
    assert not any(name.endswith((".npy", ".pdf", ".txt")) for name in found)


def test_an_icon_may_hold_a_bitmap_of_a_later_version():
    picture = make_photo(32, 48)
    rows = np.ascontiguousarray(picture[::-1, :, ::-1])
    mask = bytes(8 * 32)
    for size in (40, 108, 124):
        head = struct.pack("<IiiHHIIiiII", size, 48, 64, 1, 24, 0, rows.nbytes, 0, 0, 0, 0).ljust(size, b"\0")
        body = head + rows.tobytes() + mask
        data = struct.pack("<HHHBBBBHHII", 0, 1, 1, 48, 32, 0, 0, 1, 24, len(body), 22) + body
        np.testing.assert_array_equal(open_picture(data).pixels, picture)
