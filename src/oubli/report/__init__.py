"""Evidence for people: results as one HTML file that needs no network and runs no script (needs the extra `report`)."""

try:
    import jinja2  # noqa: F401
    import matplotlib  # noqa: F401
    import networkx  # noqa: F401
except ImportError as error:
    raise ImportError(
        f'oubli.report needs jinja2, matplotlib and networkx, and {error.name} is missing: pip install "oubli[report]"'
    ) from None

from oubli.report.audits import audit_report, read_audit_results, write_audit_report
from oubli.report.efficacy.page import efficacy_report
from oubli.report.forgetting.page import forgetting_report
from oubli.report.gradients.page import gradient_report, write_gradient_report
from oubli.report.gradients.results import read_gradient_results
from oubli.report.page import command_of

__all__ = [
    "audit_report",
    "command_of",
    "efficacy_report",
    "forgetting_report",
    "gradient_report",
    "read_audit_results",
    "read_gradient_results",
    "write_audit_report",
    "write_gradient_report",
]
