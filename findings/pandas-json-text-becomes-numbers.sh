#!/usr/bin/env bash
# JSON has types, so people expect a text in JSON Lines to stay a text, other than in CSV. pandas.read_json (3.1.1) makes
# numbers of a column of text if all values look like numbers: the classes "01" and "1" become one class, the patients "007"
# and "7" one patient, the class "nan" a missing value and "1e1" 10.0. So to_json and read_json do not return the same
# frame, without a warning. polars 2.1.0 and pyarrow keep the text in JSON, but make numbers of it in CSV, even in quotes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check pandas==3.1.1 numpy==2.4.6 polars==2.1.0 pyarrow==26.0.1
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import csv
import platform
import sys

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.json

print("Python", platform.python_version(), "pandas", pd.__version__, "polars", pl.__version__, "pyarrow", pa.__version__)
frame = pd.DataFrame({"path": ["a.png", "b.png", "c.png"], "label": ["01", "1", "1e1"], "patient": ["007", "7", "nan"]})
frame.to_json("t.jsonl", orient="records", lines=True)
frame.to_csv("t.csv", index=False, quoting=csv.QUOTE_ALL)
print(open("t.jsonl").read())
again = pd.read_json("t.jsonl", lines=True)
print(again, again.dtypes, sep="\n")
is_changed = again["label"].tolist() == [1.0, 1.0, 10.0] and again["patient"].isna().tolist() == [False, False, True]
others = {
    "polars JSON": pl.read_ndjson("t.jsonl")["label"].to_list(),
    "pyarrow JSON": pa.json.read_json("t.jsonl")["label"].to_pylist(),
    "polars CSV in quotes": pl.read_csv("t.csv")["label"].to_list(),
    "pyarrow CSV in quotes": pa.csv.read_csv("t.csv")["label"].to_pylist(),
}
for name, labels in others.items():
    print(f"{name:22} {labels}")
text, numbers = ["01", "1", "1e1"], [1.0, 1.0, 10.0]
sys.exit(not (is_changed and list(others.values()) == [text, text, numbers, numbers]))
PYTHON
