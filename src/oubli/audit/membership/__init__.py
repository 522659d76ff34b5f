"""Whether a node's label took part in training, as told by a model that forgot it."""
