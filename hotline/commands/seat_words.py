"""What a seat may be called, know and belong to; refused before anything is written."""

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from asterisk_conf.model import NAME
from hotline.errors import BadRequest, BadSettings
from ivr.documents import DocumentError
from ivr.queue_rules import read_rules, rules_file
from ivr.rosters import read_roster
from ivr.tenants import Tenant
from queue_manager.model import LEVELS
from queue_manager.rule_faults import unknown_skill

SKILL = re.compile(r"([a-z]{2,10}:[a-z0-9_]{1,30})(?:=([0-9]+))?")


def skills_of(words: Sequence[str]) -> dict[str, int]:
    """Each `skill=level` as skill and level; raises BadRequest."""
    skills: dict[str, int] = {}
    for word in words:
        match = SKILL.fullmatch(word)
        level = int(match[2] or 3) if match else 0
        if match is None or level not in LEVELS:
            raise BadRequest(f"{word!r} is no skill: write for example lang:cmn=5 (level 1 to 5)")
        skills[match[1]] = level
    return skills


def known_skills(city: Tenant) -> tuple[Path, Collection[str]]:
    """The tenant's rules file and the skills in it; raises BadSettings for a mistake there."""
    file = rules_file(city)
    try:
        return file, read_rules(file).skills.keys()
    except DocumentError as error:
        raise BadSettings(str(error)) from error


def refuse_unknown(city: Tenant, skills: Mapping[str, int]) -> None:
    """Raises BadRequest for a skill that the tenant's rules don't have: no caller would ask for
    it, and a slip of the pen would be a seat that nobody rings."""
    file, known = known_skills(city)
    for name in skills:
        if name not in known:
            reason = unknown_skill(name, known)
            raise BadRequest(f"--skill {name}: {reason}: add it to {file}, or write a known one")


def check_team(city: Tenant, team: str) -> None:
    """A team must be one of the tenant's roster, where it has one; raises BadRequest."""
    if team and city.roster_file is not None:
        try:
            teams = read_roster(city.roster_file).teams()
        except DocumentError as error:
            raise BadSettings(str(error)) from error
        if team not in teams:
            raise BadRequest(f"there is no team {team!r} in {city.roster_file}: {', '.join(teams)}")
    elif team:
        check_name("team", team)


def check_name(what: str, name: str) -> None:
    """Raises BadRequest for what can't be a name in Asterisk."""
    if not re.fullmatch(NAME.removesuffix("$"), name):
        raise BadRequest(f"{what} {name!r}: letters, digits, - and _ only, 40 at most")
