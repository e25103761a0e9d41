#!/usr/bin/env bash
# People expect a missing label to stay missing, or to raise, when a list of labels becomes an array or a .npz file. numpy
# 2.4.6 keeps None among texts (as an array of objects), but turns NaN, the missing value of pandas, into the text "nan",
# without a warning. np.savez then writes a valid file of texts in which images without a label are a class "nan".
# scikit-learn 1.9.0 refuses neither: LabelEncoder finds three classes, ['cat', 'dog', 'nan'] or ['cat', 'dog', None].
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 scikit-learn==1.9.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys
import warnings

import numpy as np
import sklearn
from sklearn.preprocessing import LabelEncoder

warnings.simplefilter("error")
print("numpy", np.__version__, "scikit-learn", sklearn.__version__)
with_nan, with_none = ["cat", float("nan"), "dog"], ["cat", None, "dog"]
seen = [np.asarray(with_nan).tolist(), np.asarray(with_none).tolist()]
print("with NaN: ", seen[0])
print("with None:", seen[1])
np.savez("labels.npz", y=with_nan)
seen.append(np.load("labels.npz")["y"].tolist())
print("np.savez:", seen[2])
seen.append(LabelEncoder().fit(with_nan).classes_.tolist())
print("LabelEncoder with NaN: ", seen[3])
seen.append(LabelEncoder().fit(with_none).classes_.tolist())
print("LabelEncoder with None:", seen[4])
expected = [["cat", "nan", "dog"], ["cat", None, "dog"], ["cat", "nan", "dog"], ["cat", "dog", "nan"], ["cat", "dog", None]]
sys.exit(seen != expected)
PYTHON
