"""What the clouds offer: regions, instances, and the yearly averages of their grid zones."""

from dataclasses import dataclass
from typing import Literal

Provider = Literal["aws", "gcp", "azure"]
Arch = Literal["x86_64", "arm64"]
WorkloadKind = Literal["training", "inference", "general", "database", "containers", "serverless"]
EmissionFactorType = Literal["lifecycle", "direct"]
Signal = Literal["average", "marginal"]


@dataclass(frozen=True, slots=True)
class ZoneIntensity:
    """Grams of CO2e per kWh of one grid zone, and what kind of figure that is."""

    zone: str
    gco2e_per_kwh: float
    emission_factor_type: EmissionFactorType
    source: str
    is_estimate: bool
    signal: Signal = "average"


@dataclass(frozen=True, slots=True)
class ZoneAverage:
    """The newest yearly mean of a grid zone: life cycle, consumption, from Electricity Maps."""

    zone: str
    name: str
    year: int
    gco2e_per_kwh: float
    renewable_percent: float
    carbon_free_percent: float
    by_year: tuple[tuple[int, float], ...]
    """Every year known, the oldest first."""

    def intensity(self) -> ZoneIntensity:
        """For a ranking without anything newer: an estimate of the present."""
        return ZoneIntensity(
            zone=self.zone,
            gco2e_per_kwh=self.gco2e_per_kwh,
            emission_factor_type="lifecycle",
            source=f"Electricity Maps, mean of {self.year}",
            is_estimate=True,
        )


@dataclass(frozen=True, slots=True)
class Region:
    """A region of a cloud, the grid zone it draws from, and its overhead (PUE)."""

    provider: Provider
    region: str
    name: str
    country: str
    """ISO 3166-1 alpha-2."""
    zone: str
    zone_basis: Literal["listed", "assigned"]
    """Listed by Electricity Maps for this data centre, or assigned by its place."""
    other_zone: str | None
    """Another source draws this region's electricity from here."""
    status: Literal["operational", "announced"]
    pue: float
    pue_year: int | None
    pue_basis: Literal["region", "continent", "provider"]
    wue_litres_per_kwh: float | None

    @property
    def key(self) -> str:
        """Unique over all clouds: `aws:eu-west-3`."""
        return f"{self.provider}:{self.region}"


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance type: its size, the power it draws, what making it cost, its list price.

    `watts` are those at 0, 10, 50 and 100 % load of the whole board, without PUE.
    """

    provider: Provider
    service: str
    instance_type: str
    family: str
    arch: Arch
    vcpus: float
    memory_gb: float
    gpus: float
    gpu_model: str | None
    accelerators: float
    """Chips that are no GPU: Inferentia, Trainium, AI 100."""
    accelerator_model: str | None
    shares_cores: bool
    """Burstable: its vCPUs are fractions, so that per vCPU-hour it compares with nothing."""
    kinds: frozenset[WorkloadKind]
    watts: tuple[float, float, float, float]
    watts_50_ccf: float
    watts_50_boavizta: float | None
    power_method: str
    stand_in_cpu: str | None
    """The processor whose figures stand here for an unpublished one."""
    power_confidence: Literal["medium", "low"]
    power_complete: bool
    """False: the accelerator's power is unknown, `watts` are a lower bound."""
    embodied_gco2e_per_hour: float
    embodied_method: str
    embodied_boavizta_gco2e_per_hour: float | None
    chip_teraflops: float
    """Peak dense 16-bit operations of one GPU or accelerator; 0 without one. For order only."""
    usd_per_hour: float | None
    usd_region: str | None
    usd_date: str | None

    @property
    def key(self) -> str:
        """Unique over all clouds: `aws:ec2:m5.large`."""
        return f"{self.provider}:{self.service}:{self.instance_type}"

    @property
    def chips(self) -> float:
        """GPUs and other accelerators."""
        return self.gpus + self.accelerators
