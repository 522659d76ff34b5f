"""Whether forgetting works: harm undone, nothing recalled, and at what price beside retraining."""

from oubli.audit.efficacy.audit import EfficacyAudit
from oubli.audit.efficacy.scenario import EfficacyTest, Scenario
from oubli.audit.efficacy.tests import TESTS, build_tests

__all__ = ["TESTS", "EfficacyAudit", "EfficacyTest", "Scenario", "build_tests"]
