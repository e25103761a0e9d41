"""The built-in datasets. To add one, add an entry to :data:`BUILT_IN_DATASETS`.

Only the reader of study files and ``convstudy datasets`` use this module; all other code gets a
:class:`~convstudy.data.dataset.Dataset`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from convstudy.data.dataset import Dataset
from convstudy.data.files import PublishedFile
from convstudy.data.sources.digits import DigitsSource
from convstudy.data.sources.idx import IdxSource

_TRAIN_IMAGES, _TRAIN_LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
_TEST_IMAGES, _TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"

_DIGITS = Dataset(
    name="digits",
    title="scikit-learn's digits, scaled to 28 × 28",
    image_shape=(28, 28, 1),
    class_names=tuple("0123456789"),
    n_train=1_437,
    n_test=360,
    source=DigitsSource(
        train_digest="f0fc13dca29683240b6632c6b5954741d73b1e6c2b5c04c130ede14039c97aa9",
        test_digest="46ebe55279bc03e04d0db6767401139308def1f3b2fd12a15284506087cb520f",
    ),
)

_MNIST = Dataset(
    name="mnist",
    title="MNIST handwritten digits (Y. LeCun, C. Cortes, C. Burges)",
    image_shape=(28, 28, 1),
    class_names=tuple("0123456789"),
    n_train=60_000,
    n_test=10_000,
    source=IdxSource(
        folder="mnist",
        train=(
            PublishedFile(
                _TRAIN_IMAGES,
                (60_000, 28, 28),
                archive_digest="440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                archive_bytes=9_912_422,
                content_digest="ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            ),
            PublishedFile(
                _TRAIN_LABELS,
                (60_000,),
                archive_digest="3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                archive_bytes=28_881,
                content_digest="65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            ),
        ),
        test=(
            PublishedFile(
                _TEST_IMAGES,
                (10_000, 28, 28),
                archive_digest="8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                archive_bytes=1_648_877,
                content_digest="0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            ),
            PublishedFile(
                _TEST_LABELS,
                (10_000,),
                archive_digest="f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                archive_bytes=4_542,
                content_digest="ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            ),
        ),
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
    ),
)

# For the next two datasets, only the digests of the .gz files are known, from TensorFlow Datasets. So the .gz files
# must be the published ones; files that were compressed again are rejected. A content_digest would allow them, but
# would change the digest of the dataset.

_FASHION_MNIST = Dataset(
    name="fashion-mnist",
    title="Fashion-MNIST articles of clothing (H. Xiao, K. Rasul, R. Vollgraf)",
    image_shape=(28, 28, 1),
    class_names=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    n_train=60_000,
    n_test=10_000,
    source=IdxSource(
        folder="fashion-mnist",
        train=(
            PublishedFile(
                _TRAIN_IMAGES,
                (60_000, 28, 28),
                archive_digest="3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                archive_bytes=26_421_880,
            ),
            PublishedFile(
                _TRAIN_LABELS,
                (60_000,),
                archive_digest="a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                archive_bytes=29_515,
            ),
        ),
        test=(
            PublishedFile(
                _TEST_IMAGES,
                (10_000, 28, 28),
                archive_digest="346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                archive_bytes=4_422_102,
            ),
            PublishedFile(
                _TEST_LABELS,
                (10_000,),
                archive_digest="67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
                archive_bytes=5_148,
            ),
        ),
        mirrors=(
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",  # S3 websites have no https
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        ),
    ),
)

_KMNIST = Dataset(
    name="kmnist",
    title="Kuzushiji-MNIST cursive Japanese characters (CODH, from NIJL's Kuzushiji dataset)",
    image_shape=(28, 28, 1),
    class_names=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    n_train=60_000,
    n_test=10_000,
    source=IdxSource(
        folder="kmnist",
        train=(
            PublishedFile(
                _TRAIN_IMAGES,
                (60_000, 28, 28),
                archive_digest="51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
                archive_bytes=18_165_135,
            ),
            PublishedFile(
                _TRAIN_LABELS,
                (60_000,),
                archive_digest="e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
                archive_bytes=29_497,
            ),
        ),
        test=(
            PublishedFile(
                _TEST_IMAGES,
                (10_000, 28, 28),
                archive_digest="edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
                archive_bytes=3_041_136,
            ),
            PublishedFile(
                _TEST_LABELS,
                (10_000,),
                archive_digest="20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
                archive_bytes=5_120,
            ),
        ),
        mirrors=(
            "https://codh.rois.ac.jp/kmnist/dataset/kmnist/",
            "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
        ),
    ),
)

BUILT_IN_DATASETS: Mapping[str, Dataset] = MappingProxyType(
    {dataset.name: dataset for dataset in (_DIGITS, _MNIST, _FASHION_MNIST, _KMNIST)}
)
"""The built-in datasets by name."""
