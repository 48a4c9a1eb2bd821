"""Sorts features so that each one follows the features whose tables it references."""

from graphlib import TopologicalSorter

from app.core.features import Feature, discover

from .base import Base


def features_by_dependency() -> list[Feature]:
    """Return all features, each after the features whose tables it references.

    All models must have been imported.
    """
    owner = {
        mapper.local_table: feature
        for feature in discover()
        for mapper in Base.registry.mappers
        if mapper.class_.__module__.startswith(f"app.routers.{feature.name}.")
    }
    order: TopologicalSorter[Feature] = TopologicalSorter(
        {feature: set() for feature in discover()}
    )
    for table, feature in owner.items():
        referred = {owner.get(key.column.table, feature) for key in table.foreign_keys}
        order.add(feature, *(referred - {feature}))
    return list(order.static_order())
