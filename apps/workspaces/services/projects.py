"""Changes to projects: add, rename, make one the default, archive and restore."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from apps.common.locks import transaction_lock
from apps.workspaces import selectors
from apps.workspaces.errors import (
    ProjectArchivedError,
    ProjectIsDefaultError,
    ProjectNameTakenError,
)
from apps.workspaces.models import Project, Workspace
from apps.workspaces.services import audit, default_project, trimmed_name


def create_project(workspace: Workspace, name: str, *, actor: str, now: datetime) -> Project:
    """A new project. Names are unique within the workspace, whatever their case."""
    project = Project(workspace=workspace, name=trimmed_name(name), created_at=now)
    with transaction.atomic():
        _save(project)
        details = {"name": project.name}
        _note(project, "project_created", actor, now=now, details=details)
    return project


def change_project(
    project: Project,
    *,
    name: str | None = None,
    make_default: bool = False,
    restore: bool = False,
    actor: str,
    now: datetime,
) -> Project:
    """Do what is asked, all or nothing, and write down each change. Safe to repeat."""
    with transaction.atomic():
        locked = locked_project(project)
        if restore and locked.archived_at is not None:
            _restore(locked, actor, now=now)
        if name is not None and trimmed_name(name) != locked.name:
            _rename(locked, trimmed_name(name), actor, now=now)
        if make_default and not locked.is_default:
            _make_default(locked, actor, now=now)
    return locked


def archive_project(project: Project, *, actor: str, now: datetime) -> Project:
    """Take it out of the lists and let it take no new usage; its history stays. Safe to repeat.

    What points at projects is known to higher apps: who calls this has looked, with the project
    locked, and in the same transaction.
    """
    with transaction.atomic():
        locked = locked_project(project)
        if locked.is_default:
            raise ProjectIsDefaultError("Make another project the default one first")
        if locked.archived_at is None:
            locked.archived_at = now
            locked.save(update_fields=["archived_at"])
            _note(locked, "project_archived", actor, now=now)
    return locked


def locked_project(project: Project) -> Project:
    """The project as it stands, while nobody else points at it, archives or renames it.

    The workspace's projects are changed one at a time: which is the default concerns two of them.
    """
    transaction_lock(f"projects of workspace {project.workspace_id}")
    return Project.objects.select_for_update(no_key=True).get(pk=project.pk)


def open_project(workspace: Workspace, public_id: UUID | None, *, now: datetime) -> Project:
    """The project, or the default one, held open until the transaction ends: it takes usage."""
    if public_id is None:
        project = default_project(workspace, now=now)
    else:
        project = selectors.project_of(workspace, str(public_id))
    locked = locked_project(project)
    if locked.archived_at is not None:
        raise ProjectArchivedError("An archived project takes no new usage; restore it first")
    return locked


def _restore(project: Project, actor: str, *, now: datetime) -> None:
    project.archived_at = None
    project.save(update_fields=["archived_at"])
    _note(project, "project_restored", actor, now=now)


def _rename(project: Project, name: str, actor: str, *, now: datetime) -> None:
    details = {"from": project.name, "to": name}
    project.name = name
    _save(project, update_fields=["name"])
    _note(project, "project_renamed", actor, now=now, details=details)


def _make_default(project: Project, actor: str, *, now: datetime) -> None:
    if project.archived_at is not None:
        raise ProjectArchivedError("An archived project is nobody's default; restore it first")
    before = Project.objects.filter(workspace=project.workspace_id, is_default=True).first()
    if before is not None:
        before.is_default = False
        before.save(update_fields=["is_default"])
    project.is_default = True
    project.save(update_fields=["is_default"])
    details = {"before": str(before.public_id) if before else None}
    _note(project, "project_made_default", actor, now=now, details=details)


def _save(project: Project, **options: Any) -> None:
    try:
        with transaction.atomic():
            project.save(**options)
    except IntegrityError as refusal:
        if "project_name_once" not in str(refusal):
            raise
        raise ProjectNameTakenError(
            "A project of this workspace has this name already",
            project_id=str(selectors.project_named(project.workspace, project.name).public_id),
        ) from refusal


def _note(
    project: Project,
    action: str,
    actor: str,
    *,
    now: datetime,
    details: dict[str, Any] | None = None,
) -> None:
    audit(project.workspace, actor, action, str(project.public_id), now=now, details=details)
