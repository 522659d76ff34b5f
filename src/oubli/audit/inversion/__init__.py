"""Which edges were removed, as told by a model that forgot them."""
