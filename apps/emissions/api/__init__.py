"""The emissions app's public endpoints: the factors, and estimates with them."""

from apps.emissions.api.catalogue import FactorsApi, FactorSetApi, ModelsApi

__all__ = ["FactorSetApi", "FactorsApi", "ModelsApi"]
