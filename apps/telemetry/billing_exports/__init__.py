"""Billing exports of the clouds: what a line says was used. Pure: no Django, no clock."""
