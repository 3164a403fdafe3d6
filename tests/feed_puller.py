"""An integration as a process that may be killed at any moment: it writes down what it heard, and then how far.

``python feed_puller.py http://127.0.0.1:8400 KEY FOLDER PAUSE_SECONDS``
"""

import json
import sys
import time
from pathlib import Path

import httpx


def follow(url: str, token: str, folder: Path, pause_seconds: float) -> None:
    """Follow the feed for ever, from the place that is stored."""
    place, heard = folder / "cursor", folder / "heard.jsonl"
    with heard.open("a", encoding="utf-8") as file:
        file.write("\n")  # what a kill has cut off stays a line of its own
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60) as client:
        while True:
            after = place.read_text(encoding="utf-8") if place.exists() else ""
            answer = client.get("/v1/changes", params={"after": after, "wait": 5, "limit": 100})
            page = answer.raise_for_status().json()
            write_down(heard, page["items"])
            # Whoever is killed while it handles them hears them again.
            if page["items"]:
                time.sleep(pause_seconds)
            store(place, page["next"])


def write_down(heard: Path, items: list[dict[str, object]]) -> None:
    """Append what was heard, in one write."""
    now = time.time()
    lines = [json.dumps({**{name: item[name] for name in KEPT}, "heard_at": now}) for item in items]
    with heard.open("a", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in lines))


KEPT = ("seq", "event_id", "type", "incident", "exposure", "at")


def store(place: Path, cursor: str) -> None:
    """Replace the stored place at one stroke."""
    beside = place.with_suffix(".new")
    beside.write_text(cursor, encoding="utf-8")
    beside.replace(place)


if __name__ == "__main__":
    follow(sys.argv[1], sys.argv[2], Path(sys.argv[3]), float(sys.argv[4]))
