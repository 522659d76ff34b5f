"""Recognising a user's own torch module: which supported form it has, by its answers and not by its code.

The matrices of the module, in the order of registration, are read as graph layers followed by a head, in every way that
their shapes allow. A copy with random weights is then asked for its logits on random graphs, and the reading whose
logits are the same is the form. Random weights, since fresh ones hide much: biases start at zero.
"""

from __future__ import annotations

import copy
import inspect
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from oubli.audit.gradients.computation import DenseGraphs, forward, operator_of
from oubli.audit.gradients.form import ACTIVATIONS, LAYERS, POOLINGS, ModelForm
from oubli.audit.gradients.own_module.parameter_map import ParameterMap
from oubli.audit.gradients.own_module.parts import LinearMap, linear_maps, refuse_unsupported
from oubli.errors import InputError
from oubli.graph.collection import LabelledGraph

Call = Callable[[torch.nn.Module, LabelledGraph], Tensor]
PROBES = 3
TOLERANCE = 1e-9
"""Relative distance of logits up to which they are the same, in float64."""

SUPPORTED = (
    f"supported: {' or '.join(name.upper() for name in LAYERS)} layers with one activation after each "
    f"({', '.join(ACTIVATIONS)}), {', '.join(POOLINGS)} pooling over all nodes and a head of linear maps, without "
    "normalisation layers, active dropout, residual connections or attention"
)


def call_with_edges(module: torch.nn.Module, graph: LabelledGraph) -> Tensor:
    """Return ``module(x, edge_index, batch)``, as PyTorch Geometric's graph classifiers are called."""
    x, edges = _inputs(module, graph)
    both = torch.cat([edges, edges.flip(1)]).T.contiguous()
    return _output(module(x, both, torch.zeros(graph.num_nodes, dtype=torch.int64, device=x.device)))


def call_with_adjacency(module: torch.nn.Module, graph: LabelledGraph) -> Tensor:
    """Return ``module(x, adjacency)``, the adjacency dense, of zeros and ones, without self-loops."""
    x, _ = _inputs(module, graph)
    return _output(module(x, torch.from_numpy(graph.adjacency()).to(x)))


def form_of(
    module: torch.nn.Module, num_features: int, call: Call | None = None, seed: int = 0
) -> tuple[ModelForm, ParameterMap]:
    """Return the form of a module, and which of its parameters is which.

    The module is not touched: a copy answers, and torch's random state is put back.

    Parameters
    ----------
    module : torch.nn.Module
        A graph classifier.
    num_features : int
        Columns of the node features that it takes.
    call : callable, optional
        Of a module and a `LabelledGraph`: the logits, in the dtype of the module's parameters. By default
        `call_with_edges` for a module that takes three arguments and `call_with_adjacency` for one that takes two.
    seed : int, default 0
        Of the probes.

    Raises
    ------
    InputError
        When the module is of no supported form; the message names what was not recognised.

    Examples
    --------
    >>> import torch
    >>> class Classifier(torch.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.layer, self.head = torch.nn.Linear(3, 8, bias=False), torch.nn.Linear(8, 2)
    ...     def forward(self, x, adjacency):
    ...         looped = adjacency + torch.eye(len(x), dtype=x.dtype)
    ...         scale = looped.sum(1).rsqrt()
    ...         states = torch.tanh(scale[:, None] * looped * scale @ self.layer(x))
    ...         return self.head(states.mean(0))
    >>> form, parameters = form_of(Classifier(), num_features=3)
    >>> form.layer, form.hidden, form.activation, form.pooling, form.bias
    ('gcn', (8,), 'tanh', 'mean', False)
    >>> parameters.names
    {'W1': 'layer.weight', 'V1': 'head.weight', 'c1': 'head.bias'}
    """
    refuse_unsupported(module, SUPPORTED)
    call = call or _call_of(module)
    graphs = _random_graphs(num_features, seed)
    with torch.random.fork_rng(devices=[]):
        probe = _randomised(module, seed)
        answers = _answers(probe, graphs, call)
    if not all(bool(torch.isfinite(answer).all()) for answer in answers):
        raise InputError(f"module: its logits on random graphs are not finite; {SUPPORTED}")
    maps = linear_maps(module)
    nearest: tuple[float, ModelForm] | None = None
    for reading in _readings(maps, num_features):
        weights = reading.parameters(module).canonical(dict(probe.named_parameters()))
        for form in reading.forms():
            apart = _distance(form, weights, graphs, answers)
            if apart <= TOLERANCE:
                return form, replace(reading, form=form).parameters(module)
            if nearest is None or apart < nearest[0]:
                nearest = apart, form
    raise InputError(_not_recognised(maps, num_features, nearest))


@dataclass(frozen=True)
class _Reading:
    """Matrices read as graph layers and a head; activations and pooling are open."""

    form: ModelForm
    maps: tuple[LinearMap, ...]
    graph_transposed: bool
    head_transposed: bool

    def forms(self) -> Iterator[ModelForm]:
        """Return the forms that go with this reading, those with one activation throughout first."""
        between = list(ACTIVATIONS) if self.form.head else [""]
        pairs = sorted(itertools.product(ACTIVATIONS, between), key=lambda pair: pair[0] != pair[1])
        for (activation, head_activation), pooling in itertools.product(pairs, POOLINGS):
            yield replace(self.form, activation=activation, pooling=pooling, head_activation=head_activation or None)

    def parameters(self, module: torch.nn.Module) -> ParameterMap:
        """Return which parameter of the module is which under this reading."""
        matrices = [name for name in self.form.shapes() if name[0] in "WUV"]
        names, transposed = {}, set()
        for name, linear in zip(matrices, self.maps, strict=True):
            names[name] = linear.weight
            bias = {"W": "b", "U": "d", "V": "c"}[name[0]] + name[1:]
            if bias in self.form.shapes():
                assert linear.bias is not None
                names[bias] = linear.bias
            if self.head_transposed if name[0] == "V" else self.graph_transposed:
                transposed.add(name)
        state = module.state_dict()
        own = dict(module.named_parameters())
        buffers = {name: value.cpu().numpy().copy() for name, value in state.items() if name not in own}
        return ParameterMap(self.form, names, frozenset(transposed), tuple(state), buffers)


def _readings(maps: list[LinearMap], num_features: int) -> Iterator[_Reading]:
    """Return every way in which the shapes of the matrices make graph layers followed by a head."""
    for split, layer, turned, head_turned in itertools.product(
        range(1, len(maps)), LAYERS, (True, False), (True, False)
    ):
        per_layer = 2 if layer == "gin" else 1
        graph, head = maps[:split], maps[split:]
        if split % per_layer or len({part.bias is None for part in graph}) > 1:
            continue
        if len({part.bias is None for part in head}) > 1:
            continue
        # Transposed means unlike the form: graph layers of a form are (inputs, outputs), its head (outputs, inputs).
        widths = _chain([part.shape[::-1] if turned else part.shape for part in graph], num_features)
        if widths is None or (layer == "gin" and widths[1::2] != widths[::2]):
            continue
        head_widths = _chain([part.shape if head_turned else part.shape[::-1] for part in head], widths[-1])
        if head_widths is None or head_widths[-1] < 2:
            continue
        form = ModelForm(
            num_features,
            head_widths[-1],
            tuple(widths[per_layer - 1 :: per_layer]),
            bias=graph[0].bias is not None,
            head=tuple(head_widths[:-1]),
            head_bias=head[0].bias is not None,
            layer=layer,
        )
        yield _Reading(form, tuple(maps), turned, head_turned)


def _chain(shapes: list[tuple[int, int]], inputs: int) -> list[int] | None:
    """Return the output widths of maps (inputs, outputs) in a row, None where they do not fit."""
    widths = []
    for taken, given in shapes:
        if taken != inputs:
            return None
        inputs = given
        widths.append(given)
    return widths


def _random_graphs(num_features: int, seed: int) -> list[LabelledGraph]:
    """Return connected graphs of different sizes with a cycle, features of both signs."""
    rng = np.random.default_rng(seed)
    graphs = []
    for size in range(5, 5 + PROBES):
        path = np.column_stack([np.arange(size - 1), np.arange(1, size)])
        edges = np.concatenate([path, [[0, 2], [1, size - 1]]])
        graphs.append(LabelledGraph(edges, rng.standard_normal((size, num_features)), 0))
    return graphs


def _randomised(module: torch.nn.Module, seed: int) -> torch.nn.Module:
    """Return a copy in float64, in eval mode, with random weights of a moderate size."""
    try:
        probe = copy.deepcopy(module).cpu().double().eval()
    except Exception as error:
        raise InputError(f"module: cannot be copied ({error}); form_of probes a copy with random weights") from error
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in probe.parameters():
            draws = torch.randn(value.shape, generator=generator, dtype=torch.float64)
            value.copy_(draws / max(1, value.numel() // max(value.shape)) ** 0.5)
    return probe


def _answers(probe: torch.nn.Module, graphs: list[LabelledGraph], call: Call) -> list[Tensor]:
    try:
        with torch.no_grad():
            answers = [call(probe, graph).double() for graph in graphs]
            training = [call(probe.train(), graph).double() for graph in graphs]
    except Exception as error:
        raise InputError(
            f"module: called with {getattr(call, '__name__', call)} on a graph of {graphs[0].num_nodes} nodes, "
            f"{graphs[0].num_features} features and float64 weights, it fails ({type(error).__name__}: {error}); "
            "pass call=, a function of the module and a LabelledGraph that returns the logits"
        ) from error
    if any(
        float((one - two).norm()) > TOLERANCE * float(one.norm()) for one, two in zip(answers, training, strict=True)
    ):
        raise InputError(f"module: in training it answers otherwise than in eval mode, as dropout does; {SUPPORTED}")
    return answers


def _call_of(module: torch.nn.Module) -> Call:
    parameters = [
        each
        for each in inspect.signature(module.forward).parameters.values()
        if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
    ]
    needed = [each for each in parameters if each.default is each.empty]
    if len(needed) == 2 and len(parameters) == 2:
        return call_with_adjacency
    if len(needed) <= 3 <= len(parameters):
        return call_with_edges
    names = ", ".join(each.name for each in parameters)
    raise InputError(
        f"module: forward takes ({names}); expected (x, edge_index, batch) or (x, adjacency), or pass call=, a "
        "function of the module and a LabelledGraph that returns the logits"
    )


def _inputs(module: torch.nn.Module, graph: LabelledGraph) -> tuple[Tensor, Tensor]:
    first = next(module.parameters())
    return torch.from_numpy(graph.features).to(first), torch.from_numpy(graph.edges).to(first.device)


def _output(logits: object) -> Tensor:
    if not isinstance(logits, Tensor):
        raise InputError(f"module: returned {type(logits).__name__}, expected the logits as a tensor")
    return logits.reshape(-1)


def _distance(form: ModelForm, weights: dict[str, Tensor], graphs: list[LabelledGraph], answers: list[Tensor]) -> float:
    worst = 0.0
    for graph, answer in zip(graphs, answers, strict=True):
        dense = DenseGraphs.of([graph])
        logits = forward(form, weights, operator_of(form, dense.adjacency), dense.features, dense.mask).logits[0]
        if logits.shape != answer.shape:
            return float("inf")
        # Logits and their log-softmax have the same loss and gradient; many modules return the latter.
        apart = min(float((logits - answer).norm()), float((torch.log_softmax(logits, -1) - answer).norm()))
        worst = max(worst, apart / max(float(answer.norm()), 1e-300))
    return worst


def _not_recognised(maps: list[LinearMap], num_features: int, nearest: tuple[float, ModelForm] | None) -> str:
    found = ", ".join(f"{part.weight} {part.shape[0]}x{part.shape[1]}" for part in maps) or "none"
    if nearest is None:
        return (
            f"module: its matrices ({found}) do not make graph layers from {num_features} features on and then a head, "
            f"with biases in all of a kind or in none; {SUPPORTED}"
        )
    apart, form = nearest
    return (
        f"module: its matrices ({found}) fit the form, but its logits do not: nearest are {form.num_layers} "
        f"{form.layer.upper()} layers with {form.activation} and {form.pooling} pooling, off by {apart:.0%}. What is "
        "between the matrices was not recognised: the activation, the pooling, how neighbours are weighted, "
        f"a residual connection, or the place of a bias; {SUPPORTED}"
    )
