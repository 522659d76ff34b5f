"""The page of an audit of gradients."""
