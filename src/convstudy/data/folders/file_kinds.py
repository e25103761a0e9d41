"""Which files can be images, from their names: hidden files and files of other known kinds are skipped."""

from __future__ import annotations

import re

HIDDEN = frozenset(
    {"__macosx", "__pycache__", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "@eadir", "$recycle.bin"}
    | {"system volume information", "lost+found"}
)
"""Names that systems create next to the user's files, in lower case. Names that begin with a dot are hidden too."""

NOT_IMAGES = frozenset(
    re.findall(
        r"\w+",
        "txt csv tsv json jsonl ndjson xml yaml yml toml ini cfg md rst html htm css js pdf doc docx xls xlsx "
        "odt ods ppt pptx log py pyc ipynb m r sh bat exe dll lnk url db sqlite parquet arrow feather zip tar "
        "gz tgz bz2 xz 7z rar mp3 wav mp4 mov avi mkv webm srt pt pth onnx h5 hdf5 keras pkl npz mat bak tmp "
        "part crdownload lock sha256 md5 cache ",
    )
)
"""Extensions of files that are skipped. Files with other extensions, or none, are images until a decoder refuses them:
a photograph in a format that cannot be decoded (such as HEIC) must not disappear."""

NOT_IMAGE_NAMES = frozenset(
    {"readme", "license", "licence", "copying", "notice", "authors", "changelog", "makefile"}
)
"""Names without an extension, in lower case, of files that are skipped."""
TABLES = frozenset({"csv", "tsv", "jsonl", "ndjson", "parquet"})
"""Extensions of tables, which can list the images and their labels."""


def is_hidden(name: str) -> bool:
    """Return whether a file or folder of this name is not the user's data."""
    return name.startswith(".") or name.lower() in HIDDEN


def extension(name: str) -> str:
    """Return the extension of a file in lower case, without the dot; empty if it has none."""
    _, dot, kind = name[name.rfind("/") + 1 :].rpartition(".")
    return kind.lower() if dot else ""


def is_image_name(name: str) -> bool:
    """Return whether a file of this name can be an image."""
    kind = extension(name)
    return kind not in NOT_IMAGES if kind else name[name.rfind("/") + 1 :].lower() not in NOT_IMAGE_NAMES
