"""The operator's view of tenants, their people and keys, and of what everybody did."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from apps.common import clock
from apps.common.admin import ReadOnlyAdmin
from apps.workspaces import selectors, services
from apps.workspaces.callers import actor_of_user
from apps.workspaces.models import ApiKey, AuditEvent, Membership, Project, Workspace
from apps.workspaces.roles import PLATFORM_SCOPE, SCOPES, WORKSPACE_SCOPES


class NewWorkspaceForm(forms.ModelForm):
    class Meta:
        model = Workspace
        fields = ("name",)

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if selectors.has_workspace_named(name):
            raise forms.ValidationError("A workspace with this name exists already.")
        return name


@admin.register(Workspace)
class WorkspaceAdmin(ReadOnlyAdmin):
    list_display = ("name", "slug", "public_id", "is_simulated", "retirement_basis", "created_at")
    list_filter = ("is_simulated", "retirement_basis")
    search_fields = ("name", "slug", "public_id")
    form = NewWorkspaceForm

    def get_fields(self, request: HttpRequest, obj: Workspace | None = None) -> tuple[str, ...]:
        shown = (
            "public_id",
            "slug",
            "is_simulated",
            "retirement_basis",
            "created_at",
            "updated_at",
        )
        return ("name", *shown) if obj else ("name",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("workspaces.add_workspace")

    def save_model(self, request: HttpRequest, obj: Workspace, form: Any, change: Any) -> None:
        created = services.create_workspace(obj.name, actor=_actor(request), now=clock.now())
        vars(obj).update(vars(created))


@admin.register(Membership)
class MembershipAdmin(admin.ModelAdmin):
    list_display = ("user", "workspace", "role", "created_at")
    list_filter = ("role",)
    list_select_related = ("user", "workspace")
    search_fields = ("user__username", "user__email", "workspace__name")
    autocomplete_fields = ("workspace", "user")
    fields = ("workspace", "user", "role")

    def get_readonly_fields(
        self, request: HttpRequest, obj: Membership | None = None
    ) -> tuple[str, ...]:
        return ("workspace", "user") if obj else ()

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: Any) -> None:
        who, now = _actor(request), clock.now()
        if change:
            services.change_role(obj, obj.role, actor=who, now=now)
            return
        saved = services.add_member(obj.workspace, obj.user, obj.role, actor=who, now=now)
        vars(obj).update(vars(saved))

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        services.remove_member(obj, actor=_actor(request), now=clock.now())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        for membership in queryset:
            self.delete_model(request, membership)


@admin.register(Project)
class ProjectAdmin(ReadOnlyAdmin):
    list_display = ("name", "workspace", "public_id", "is_default", "created_at")
    list_filter = ("is_default",)
    list_select_related = ("workspace",)
    search_fields = ("name", "public_id", "workspace__name")


class NewApiKeyForm(forms.ModelForm):
    scopes = forms.MultipleChoiceField(
        choices=[(scope, scope) for scope in SCOPES],
        initial=WORKSPACE_SCOPES,
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = ApiKey
        fields = ("name", "mode", "is_platform", "workspace", "scopes", "expires_at")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        is_platform = bool(cleaned.get("is_platform"))
        if is_platform == bool(cleaned.get("workspace")):
            self.add_error("workspace", "Choose a workspace, or make it a platform key.")
        if not is_platform and PLATFORM_SCOPE in cleaned.get("scopes", []):
            self.add_error("scopes", "Only a platform key has the scope of the platform.")
        if (expires_at := cleaned.get("expires_at")) and expires_at <= clock.now():
            self.add_error("expires_at", "A key expires in the future.")
        return cleaned


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    list_display = (
        *("name", "workspace", "mode", "lookup_id", "scopes", "is_platform"),
        *("created_at", "last_used_at", "expires_at", "revoked_at"),
    )
    list_filter = ("mode", "is_platform", ("revoked_at", admin.EmptyFieldListFilter))
    list_select_related = ("workspace",)
    search_fields = ("name", "lookup_id", "public_id", "workspace__name")
    autocomplete_fields = ("workspace",)
    actions = ("revoke",)
    form = NewApiKeyForm

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        shown = (
            *("public_id", "lookup_id", "name", "mode", "is_platform", "workspace", "scopes"),
            *("created_by", "created_at", "last_used_at", "expires_at", "revoked_at"),
        )
        return shown if obj else NewApiKeyForm.Meta.fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("workspaces.add_apikey")

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: Any) -> None:
        key, text = services.create_api_key(
            obj.workspace,
            mode=obj.mode,
            name=obj.name,
            scopes=obj.scopes,
            is_platform=obj.is_platform,
            actor=_actor(request),
            now=clock.now(),
            expires_at=obj.expires_at,
        )
        vars(obj).update(vars(key), text=text)  # for response_add, and gone with this request

    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        """The key goes into this one answer, and into no message, session or address."""
        context = {**self.admin_site.each_context(request), "key": obj, "text": vars(obj)["text"]}
        return TemplateResponse(request, "admin/workspaces/apikey/created.html", context)

    @admin.action(description="Revoke, for good", permissions=["revoke"])
    def revoke(self, request: HttpRequest, keys: QuerySet[ApiKey]) -> None:
        for key in keys:
            services.revoke_api_key(key, actor=_actor(request), now=clock.now())
            self.message_user(request, f"{key} opens nothing any more.", messages.SUCCESS)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("workspaces.change_apikey")


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "workspace", "actor", "action", "object_ref", "request_id")
    list_filter = ("action",)
    list_select_related = ("workspace",)
    search_fields = ("actor", "object_ref", "request_id", "workspace__name")
    date_hierarchy = "at"


def _actor(request: HttpRequest) -> str:
    if not isinstance(request.user, User):
        raise PermissionDenied  # the admin lets nobody in who has not signed in
    return actor_of_user(request.user)
