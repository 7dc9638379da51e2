"""Rules for tests, written as a city would write them."""

import json
from typing import Any

from queue_manager.rules import Rules

SKILLS = ("lang:cmn", "lang:za", "lang:en", "svc:general", "svc:12333", "svc:tax")
HARD = "lang:"


def rules(*queues: dict[str, Any], **sections: Any) -> Rules:
    """Rules with these queues; a queue is at least `{"id": …}`, `main` is added when missing."""
    if all(queue["id"] != "main" for queue in queues):
        queues = ({"id": "main"}, *queues)
    named = [{"name": queue["id"], **queue} for queue in queues]
    skills = {
        skill: {"name": skill, "name_en": skill, "hard": skill.startswith(HARD)} for skill in SKILLS
    }
    text = json.dumps({"version": 1, "skills": skills, "queues": named, **sections})
    return Rules.model_validate_json(text)


def main(*steps: dict[str, Any]) -> Rules:
    """Rules with one queue, `main`, and these steps."""
    return rules({"id": "main", "steps": list(steps)})
