"""The open sets, judged: `python -m bench.open_sets [DATA] [--json FILE]`.

DATA is the folder of labelled sets (../shared/data without). Each set goes through what `rapport evaluate`
runs; the JSON is what `rapport evaluate DIR… --report FILE --open-sets JSON` puts into its report. What the
sets may be compared with stands in their SOURCE.txt. Settings were chosen with NAB, the change points and
YouTube's comments in sight; the accounts are those the published model was trained on.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
from pathlib import Path
from typing import Any

from processors.evaluation.accounts import evaluate_accounts
from processors.evaluation.changepoints import evaluate_changepoints
from processors.evaluation.comments import evaluate_comments
from processors.evaluation.nab import measures
from processors.evaluation.series import score_series
from tests.processors.evaluation.comment_sets import instagram, write, youtube


def account(number: int, row: dict[str, str]) -> str:
    """A row of the open account set as a labelled `profile` event; the handle keeps its digits."""
    digits = round(20 * float(row["nums/length username"]))
    return json.dumps({
        "event_id": f"a{number}", "source": "set", "kind": "profile", "occurred_at": "2019-01-01T00:00:00Z",
        "influencer_id": "set:x", "label": row["fake"] == "1",
        "actor": {
            "id": f"set:{number}", "handle": "1" * digits + "a" * (20 - digits),
            "followers": int(row["#followers"]), "following": int(row["#follows"]),
            "posts": int(row["#posts"]), "has_avatar": row["profile pic"] == "1",
            "has_bio": int(row["description length"]) > 0,
        },
    })  # fmt: skip


def judged(data: Path, scratch: Path) -> dict[str, dict[str, Any]]:
    """What each set says that is there, by name."""
    found: dict[str, dict[str, Any]] = {}
    if (path := data / "instagram_accounts" / "train.csv").exists():
        with path.open(newline="") as rows:
            lines = [account(number, row) for number, row in enumerate(csv.DictReader(rows))]
        (scratch / "accounts.ndjson").write_text("\n".join(lines))
        found["instagram_accounts (the model's training set)"] = evaluate_accounts(
            scratch / "accounts.ndjson"
        )
    for name, events in (("youtube_spam", youtube), ("instagram_comments", instagram)):
        if (path := data / name / "comments.csv").exists():
            write(events(path), scratch / f"{name}.ndjson")
            found[name] = evaluate_comments(scratch / f"{name}.ndjson")
    if (path := data / "nab").exists():
        found["nab realTweets"] = dict(measures(path, score_series))
    if (path := data / "changepoints").exists():
        found["changepoints (TCPD)"] = {
            k: v for k, v in evaluate_changepoints(path).items() if isinstance(v, int | float)
        }
    return found


def main() -> None:
    """Print the figures, or write them as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.open_sets", description="The open sets, judged.")
    here = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
    parser.add_argument("data", nargs="?", type=Path, default=here, help="the folder of labelled sets")
    parser.add_argument("--json", type=Path, help="write the figures there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        found = judged(options.data, Path(scratch))
    if not found:
        parser.error(f"no labelled set in {options.data}")
    text = json.dumps(found, indent=2)
    if options.json:
        options.json.write_text(text + "\n")
    else:
        print(text)


if __name__ == "__main__":
    main()
