"""How sums with bounds, groups and spans are written in answers."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.common.figures import BoundsOutput
from apps.telemetry import selectors


class TotalsOutput(serializers.Serializer):
    """Sums over a set of usage. `requests` is null where no provider of the set counts them."""

    input_tokens = serializers.IntegerField()
    input_uncached_tokens = serializers.SerializerMethodField()
    input_cache_read_tokens = serializers.SerializerMethodField()
    input_cache_write_tokens = serializers.SerializerMethodField()
    output_tokens = serializers.SerializerMethodField()
    requests = serializers.IntegerField(allow_null=True)
    energy_kwh = serializers.SerializerMethodField()
    co2e_grams = serializers.SerializerMethodField()
    operational_co2e_grams = serializers.SerializerMethodField()
    embodied_co2e_grams = serializers.SerializerMethodField()
    market_based_co2e_grams = serializers.SerializerMethodField(
        help_text="A second figure, by the tariffs that are agreed; never part of `co2e_grams`."
    )
    water_litres = serializers.SerializerMethodField()

    def get_input_uncached_tokens(self, totals: selectors.Totals) -> int:
        return totals.count("input_uncached_tokens")

    def get_input_cache_read_tokens(self, totals: selectors.Totals) -> int:
        return totals.count("input_cache_read_tokens")

    def get_input_cache_write_tokens(self, totals: selectors.Totals) -> int:
        return totals.count("input_cache_write_tokens")

    def get_output_tokens(self, totals: selectors.Totals) -> int:
        return totals.count("output_tokens")

    @extend_schema_field(BoundsOutput)
    def get_energy_kwh(self, totals: selectors.Totals) -> Any:
        return BoundsOutput(totals.bounds("energy_kwh")).data

    @extend_schema_field(BoundsOutput)
    def get_co2e_grams(self, totals: selectors.Totals) -> Any:
        return BoundsOutput(totals.bounds("co2e_grams")).data

    @extend_schema_field(BoundsOutput)
    def get_operational_co2e_grams(self, totals: selectors.Totals) -> Any:
        return BoundsOutput(totals.bounds("operational_co2e_grams")).data

    @extend_schema_field(BoundsOutput)
    def get_embodied_co2e_grams(self, totals: selectors.Totals) -> Any:
        return BoundsOutput(totals.bounds("embodied_co2e_grams")).data

    @extend_schema_field(BoundsOutput)
    def get_market_based_co2e_grams(self, totals: selectors.Totals) -> Any:
        return BoundsOutput(totals.bounds("market_based_co2e_grams")).data

    @extend_schema_field(BoundsOutput)
    def get_water_litres(self, totals: selectors.Totals) -> Any:
        return BoundsOutput(totals.bounds("water_litres")).data


class GroupOutput(serializers.Serializer):
    key = serializers.CharField(allow_null=True)
    label = serializers.CharField()  # type: ignore[assignment] # DRF takes fields off the class
    confidence = serializers.ChoiceField(choices=selectors.CONFIDENCE_ORDER)
    totals = TotalsOutput()


class SpanOutput(serializers.Serializer):
    start_time = serializers.DateTimeField(source="start")
    end_time = serializers.DateTimeField(source="end")
