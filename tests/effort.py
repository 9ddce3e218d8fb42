"""How hard the property tests try: a little in CI, thirty times as hard in `make test-slow`, a fifth for mutants."""

import os

from hypothesis import HealthCheck, settings

THOROUGH = os.environ.get("SOJOURN_TEST_EFFORT") == "thorough"
RECORDS = int(os.environ.get("SOJOURN_TEST_RECORDS", "1000" if THOROUGH else "25"))
"""How many invented records go through each door in the tests of equality: a thousand in `make test-slow`, or as many as are named."""
SEED = os.environ.get("SOJOURN_TEST_SEED", "")
"""Another seed gives them other records, so that a thousand can be run in pieces."""
TIMES = 30 if THOROUGH else 0.2 if os.environ.get("SOJOURN_TEST_EFFORT") == "little" else 1


def trying(examples: int) -> settings:
    """Settings for a property test. `examples`: how many in CI, where each test should end within a few seconds."""
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(max_examples=round(examples * TIMES), deadline=None, suppress_health_check=slow, print_blob=True)
