"""Sphinx configuration."""

import logging
from importlib.metadata import version as installed_version

# Importing Flower, to document what is built on it, lets its database tell each step.
logging.getLogger("alembic").setLevel(logging.WARNING)

project = "oubli"
author = "The oubli authors"
copyright = "The oubli authors"
version = release = installed_version("oubli")

extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.mathjax", "numpydoc"]
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = f"oubli {release}"

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
# The docstrings name the types; autodoc would spell array types out over many lines.
autodoc_typehints = "none"
python_maximum_signature_line_length = 100
# autodoc lists the members already; numpydoc's own tables would list them twice.
numpydoc_show_class_members = False
