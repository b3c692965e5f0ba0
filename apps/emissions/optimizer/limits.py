"""What a caller does not want: clouds, places and sizes that are no candidates."""

from dataclasses import dataclass

from apps.emissions.optimizer.offers import Arch, Instance, Provider, Region


@dataclass(frozen=True, slots=True)
class Limits:
    """Empty sets and None allow everything. Hashable: shortlists are remembered by it."""

    providers: frozenset[Provider] = frozenset()
    regions: frozenset[str] = frozenset()
    """By key: `aws:eu-west-3`."""
    countries: frozenset[str] = frozenset()
    """ISO 3166-1 alpha-2, capitals."""
    min_vcpus: float = 0.0
    min_memory_gb: float = 0.0
    min_gpus: float = 0.0
    """GPUs or other accelerators."""
    most_usd_per_hour: float | None = None
    """Of one instance. With it, an instance without a known price is no candidate."""
    arch: Arch | None = None

    def allow_region(self, region: Region) -> bool:
        """Regions that are only announced have to be asked for by name."""
        if self.regions and region.key not in self.regions:
            return False
        if not self.regions and region.status != "operational":
            return False
        return (not self.providers or region.provider in self.providers) and (
            not self.countries or region.country in self.countries
        )

    def allow_instance(self, instance: Instance) -> bool:
        if self.providers and instance.provider not in self.providers:
            return False
        if self.arch is not None and instance.arch != self.arch:
            return False
        return (
            instance.vcpus >= self.min_vcpus
            and instance.memory_gb >= self.min_memory_gb
            and instance.chips >= self.min_gpus
            and self._affords(instance)
        )

    def _affords(self, instance: Instance) -> bool:
        if self.most_usd_per_hour is None:
            return True
        price = instance.usd_per_hour
        return price is not None and price <= self.most_usd_per_hour


NO_LIMITS = Limits()
