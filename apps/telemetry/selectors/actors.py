"""Who did something, as a person reads it."""

from collections.abc import Iterable

from apps.workspaces.models import ApiKey, Membership, Workspace


def actor_names(workspace: Workspace, actors: Iterable[str]) -> dict[str, str]:
    """By actor, as the audit trail writes it: a member's name, a key's name, else the actor."""
    asked = set(actors)
    return {actor: actor for actor in asked} | _people(workspace, asked) | _keys(workspace, asked)


def _people(workspace: Workspace, actors: set[str]) -> dict[str, str]:
    ids = [int(key) for key in _of("user", actors) if key.isdecimal()]
    members = Membership.objects.filter(workspace=workspace, user_id__in=ids)
    rows = members.values_list("user_id", "user__username")
    return {f"user:{key}": name for key, name in rows}


def _keys(workspace: Workspace, actors: set[str]) -> dict[str, str]:
    keys = ApiKey.objects.filter(workspace=workspace, public_id__in=_of("key", actors))
    rows = keys.values_list("public_id", "name")
    return {f"key:{key}": f"the key {name}" for key, name in rows}


def _of(kind: str, actors: set[str]) -> list[str]:
    return [ref for one, _, ref in (actor.partition(":") for actor in actors) if one == kind]
