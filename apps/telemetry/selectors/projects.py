"""The projects that senders name."""

from apps.workspaces.models import Workspace
from apps.workspaces.selectors import projects


def project_ids(workspace: Workspace) -> dict[str, int]:
    """The key of each project by its public id and by its name, both in lower case.

    An id wins over a name that looks like it. A workspace has as many projects as a person made;
    the archived ones are not among them.
    """
    rows = list(projects(workspace).values_list("pk", "public_id", "name"))
    by_name = {name.lower(): pk for pk, _, name in rows}
    return by_name | {str(public_id): pk for pk, public_id, _ in rows}
