"""What all tests share: one seed, named in the header, and Hypothesis without chance."""

import os

import pytest
from hypothesis import settings

SEED = int(os.environ.get("SEED", "20260907"))

settings.register_profile("ci", derandomize=True, deadline=None)
settings.load_profile("ci")


def pytest_report_header() -> str:
    return f"seed: {SEED} (SEED=n for another); hypothesis: derandomized"


@pytest.fixture(scope="session")
def seed() -> int:
    """The seed of everything in a test that draws by chance."""
    return SEED
