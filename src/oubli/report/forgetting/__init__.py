"""The page of an audit of models that forgot: of removed edges, or of memberships."""
