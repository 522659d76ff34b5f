"""The page of an audit of whether forgetting works."""
