"""How a quantity with its bounds is written in an answer."""

from rest_framework import serializers


class BoundsOutput(serializers.Serializer):
    """A quantity with its 90 % interval."""

    low = serializers.FloatField()
    central = serializers.FloatField()
    high = serializers.FloatField()
