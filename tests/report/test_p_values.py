"""No table of a report has a p-value whose hypothesis it does not name."""

from __future__ import annotations

import ast
import re
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "convstudy"


def _p_columns() -> dict[str, tuple[str, str]]:
    """Map place -> key and title of each column of p-values, from the source."""
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Column"):
                continue
            values = [each.value if isinstance(each, ast.Constant) else "" for each in node.args]
            if len(values) > 2 and values[2] == "p":
                found[f"{path.relative_to(SOURCE)}:{node.lineno}"] = (str(values[0]), str(values[1]))
    return found


def test_titles_and_keys_of_p_columns_name_the_hypothesis() -> None:
    columns = _p_columns()
    assert len(columns) >= 3
    for place, (key, title) in columns.items():
        # "p (claim)", "p, equal rates of collapse"
        assert re.search(r"p \(\w|p, \w|\(equally", title), f"{place}: {title!r} must name its hypothesis"
        assert key not in ("p", "p_value", "adjusted_p", "exact_p"), (
            f"{place}: {key!r} must name its hypothesis"
        )
