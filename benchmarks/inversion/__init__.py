"""What an observer learns from models that forgot: removed edges, memberships, efficacy, and the matched control."""
