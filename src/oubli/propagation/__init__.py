"""Messages over edges: the operator, integer hops and delta push, lazy push with residues, and averages of floats."""

from oubli.propagation.average import Averaging
from oubli.propagation.change import Attributed, OutputChange
from oubli.propagation.choice import make_embedding
from oubli.propagation.embedding import Embedding, EmbeddingChange, IntegerEmbedding
from oubli.propagation.lazy import LazyPropagation
from oubli.propagation.messages import Arcs, RandomMessages, Surroundings
from oubli.propagation.operator import Operator
from oubli.propagation.quantise import Quantiser
from oubli.propagation.state import Propagation
from oubli.propagation.weights import bernstein_weights, chebyshev_weights, hop_weights

__all__ = [
    "Arcs",
    "Attributed",
    "Averaging",
    "Embedding",
    "EmbeddingChange",
    "IntegerEmbedding",
    "LazyPropagation",
    "Operator",
    "OutputChange",
    "Propagation",
    "Quantiser",
    "RandomMessages",
    "Surroundings",
    "bernstein_weights",
    "chebyshev_weights",
    "hop_weights",
    "make_embedding",
]
