"""An audit as a whole: victims, trials of attacks under defences, a journal to resume from, results to publish."""

from oubli.audit.gradients.run.audit import GradientAudit

__all__ = ["GradientAudit"]
