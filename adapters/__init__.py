"""Formats to labelled xarray cubes, and back."""
