"""The living profile of a customer or a deal."""

from tools.profile.building import build_opportunity_profile, build_profile
from tools.profile.model import CustomerProfile

__all__ = ["CustomerProfile", "build_opportunity_profile", "build_profile"]
