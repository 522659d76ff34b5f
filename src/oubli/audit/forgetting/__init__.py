"""What audits of models that forgot share: methods by name, the run over methods and seeds, floors and intervals."""
