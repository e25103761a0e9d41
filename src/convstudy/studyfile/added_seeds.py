"""Check ``[study] max_seeds``."""

from __future__ import annotations

from convstudy.studyfile.draft import Draft


def check_added_seeds(draft: Draft) -> None:
    """Check that a study that adds seeds has a comparison or an ablation, and no interactions."""
    if draft.head is None or draft.head.max_seeds is None:
        return
    reported = {error.path[0] for error in draft.errors if error.path}
    if not any(draft.names.get(kind) or kind in reported for kind in ("compare", "ablate")):
        what = "seeds are added until compared networks are decided, but there is no [compare.NAME] or [ablate.NAME]"
        hint = "add a comparison, or set seeds instead of max_seeds"
        draft.report(("study", "max_seeds"), what, hint=hint)
    for name, ablate in draft.ablates.items():
        if ablate.interactions:
            # An interaction needs the same seeds of four networks, but the rule ends each variant separately.
            what = "interactions need a fixed number of seeds"
            hint = "set seeds instead of max_seeds, or remove interactions"
            draft.report(("ablate", name, "interactions"), what, hint=hint)
