"""How much of a graph one client's gradient gives away in federated learning, and to whom (needs torch)."""

try:
    import torch  # noqa: F401
except ImportError:
    raise ImportError('oubli.audit.gradients needs torch: pip install "oubli[attacks]"') from None

from oubli.audit.gradients.case import Case, Defence
from oubli.audit.gradients.form import ModelForm
from oubli.audit.gradients.head import HeadInversion, invert_head
from oubli.audit.gradients.own_module import form_of
from oubli.audit.gradients.own_module.parameter_map import ParameterMap
from oubli.audit.gradients.reconstruction import Attack, Reconstruction
from oubli.audit.gradients.recursion import Recursion, recurse_features
from oubli.audit.gradients.run.audit import GradientAudit
from oubli.audit.gradients.transcript import Secret, Transcript

__all__ = [
    "Attack",
    "Case",
    "Defence",
    "GradientAudit",
    "HeadInversion",
    "ModelForm",
    "ParameterMap",
    "Reconstruction",
    "Recursion",
    "Secret",
    "Transcript",
    "form_of",
    "invert_head",
    "recurse_features",
]
