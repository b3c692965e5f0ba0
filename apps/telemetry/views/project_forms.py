"""The projects page's forms, and what its lines say."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django import forms

from apps.telemetry.connectors import PROVIDER_LABELS
from apps.telemetry.models import ProviderConnection, SourceOfRecord
from apps.telemetry.selectors.actors import actor_names
from apps.telemetry.selectors.figures import Bounds, Group, Totals
from apps.telemetry.selectors.source_of_record import DoubleCounting, declarations
from apps.telemetry.services.routing import dimensions_of
from apps.workspaces.models import Project, Workspace

EVERYTHING: Final = "everything"
"""What counts where nothing is declared."""
CHOOSE: Final = ("", "choose one")


class ProjectForm(forms.Form):
    """A project's name, for a new one or for one that is renamed."""

    name = forms.CharField(max_length=120, help_text="Unique in the workspace")


class RuleForm(forms.Form):
    """A routing rule. What is looked at is one choice: a connection and one of its dimensions."""

    looked_at = forms.ChoiceField(help_text="Whose usage, and what of it")
    value = forms.CharField(max_length=200, help_text="Exactly as it is reported")
    project_id = forms.TypedChoiceField(label="Goes to", coerce=UUID)

    def __init__(
        self,
        *args: Any,
        connections: Iterable[ProviderConnection],
        projects: Iterable[Project],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        looked_at: Any = self.fields["looked_at"]
        looked_at.choices = [
            CHOOSE,
            *_dimensions("pushed usage", None),
            *(
                choice
                for one in connections
                if _is_read(one)
                for choice in _dimensions(one.name, one)
            ),
        ]
        goes_to: Any = self.fields["project_id"]
        goes_to.choices = [CHOOSE, *((str(one.public_id), one.name) for one in projects)]

    def rule(self) -> dict[str, Any]:
        """What `create_rule` wants to know, of a form that is valid."""
        connection_id, _, dimension = self.cleaned_data["looked_at"].partition(":")
        return {
            "connection_id": connection_id or None,
            "dimension": dimension,
            "value": self.cleaned_data["value"],
            "project_id": self.cleaned_data["project_id"],
        }


class CountedForm(forms.Form):
    """Which reports of a provider's use count."""

    counted = forms.ChoiceField(
        choices=[*SourceOfRecord.Counted.choices, (EVERYTHING, "everything that arrives")]
    )


@dataclass(frozen=True, slots=True)
class ShownProject:
    """A project with what it used in the span."""

    project: Project
    totals: Totals
    confidence: str

    @classmethod
    def of(cls, project: Project, group: Group | None) -> "ShownProject":
        if group is None:
            return cls(project, Totals(), "")
        return cls(project, group.totals, group.confidence)

    @property
    def co2e(self) -> Bounds:
        return self.totals.bounds("co2e_grams")

    @property
    def energy(self) -> Bounds:
        return self.totals.bounds("energy_kwh")

    @property
    def uncached(self) -> int:
        return self.totals.count("input_uncached_tokens")

    @property
    def cached(self) -> int:
        return self.totals.count("input_cache_read_tokens")

    @property
    def written(self) -> int:
        return self.totals.count("input_cache_write_tokens")

    @property
    def output(self) -> int:
        return self.totals.count("output_tokens")


@dataclass(frozen=True, slots=True)
class ShownSource:
    """A provider that is declared, or that is counted both ways because it is not."""

    provider: str
    counted: str
    declared_by: str = ""
    declared_at: datetime | None = None
    doubled: DoubleCounting | None = None

    @property
    def label(self) -> str:
        return PROVIDER_LABELS.get(self.provider, self.provider)

    @property
    def choices(self) -> list[tuple[str, str]]:
        """Where nothing is declared, everything counts already."""
        named = list(SourceOfRecord.Counted.choices)
        return named if self.doubled else [*named, (EVERYTHING, "everything that arrives")]


def shown_sources(workspace: Workspace, doubled: Iterable[DoubleCounting]) -> list[ShownSource]:
    """The undeclared ones first: they want an answer."""
    declared = list(declarations(workspace))
    names = actor_names(workspace, (one.declared_by for one in declared))
    return [
        *(ShownSource(one.provider, EVERYTHING, doubled=one) for one in doubled),
        *(
            ShownSource(one.provider, one.counted, names[one.declared_by], one.declared_at)
            for one in declared
        ),
    ]


def _is_read(connection: ProviderConnection) -> bool:
    """Whether new usage of it may come, from a provider that is still known here."""
    is_revoked = connection.status == ProviderConnection.Status.REVOKED
    return not is_revoked and connection.provider in PROVIDER_LABELS


def _dimensions(name: str, connection: ProviderConnection | None) -> list[tuple[str, str]]:
    public_id = connection.public_id if connection else ""
    return [(f"{public_id}:{one}", f"{name}: {one}") for one in dimensions_of(connection)]
