"""Options of ``oubli fit`` that become parameters of an estimator, and the models that have them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import click

from oubli.cli.values import NumberOr, NumberOrText, Numbers, NumbersOr

ENGINES = ("auto", "memory", "mmap", "dask")
MODELS = ("sgc", "lcf", "random-feature", "routed", "certified")
SGC, LCF, RANDOM, ROUTED, CERTIFIED = ((name,) for name in MODELS)
SINGLE = (*SGC, *LCF, *RANDOM)


@dataclass(frozen=True)
class EstimatorOption:
    """An option, which decorates a command.

    Parameters
    ----------
    name : str
    models : tuple of str
        Those that have it.
    help : str
    kind : click.ParamType, optional
        Of its value; without it the option is a flag.
    default : str
        What the estimator takes if it is not given; a test compares.
    metavar : str, optional
    other_defaults : dict of str
        By model, where a model takes something else.
    """

    name: str
    models: tuple[str, ...]
    help: str
    kind: click.ParamType[Any] | None = None
    default: str = ""
    metavar: str | None = None
    other_defaults: dict[str, str] = field(default_factory=dict)

    @property
    def parameter(self) -> str:
        """Its name among the values of a command."""
        return self.name.removeprefix("--").replace("-", "_")

    @property
    def told_defaults(self) -> str:
        """The default, and those of models that take something else."""
        return "; ".join([self.default, *(f"{model}: {value}" for model, value in self.other_defaults.items())])

    def __call__(self, command: Callable[..., Any]) -> Callable[..., Any]:
        """Add the option to a command."""
        text = self.help if self.models == MODELS else f"{', '.join(self.models)}: {self.help}"
        if self.kind is None:
            return click.option(self.name, is_flag=True, help=text)(command)
        text += f" [default: {self.told_defaults}]"
        return click.option(self.name, type=self.kind, metavar=self.metavar, help=text)(command)


OPTIONS = [
    EstimatorOption(
        "--hops",
        (*SINGLE, *CERTIFIED),
        "How many hops features travel.",
        click.INT,
        "2",
        "N",
        {"random-feature": "1"},
    ),
    EstimatorOption(
        "--operator",
        (*SINGLE, *CERTIFIED),
        "How neighbours are averaged: random_walk, symmetric, or (but for lcf) ScaleGUN's coefficient R from 0 to 1.",
        NumberOr(float, "random_walk", "symmetric"),
        "random_walk",
        "random_walk|symmetric|R",
        {"certified": "symmetric"},
    ),
    EstimatorOption(
        "--alpha",
        (*SINGLE, *CERTIFIED),
        "Ridge strength; of several (but for certified), the best on the validation nodes.",
        Numbers(),
        "1.0",
        "A[,B,...]",
        {"random-feature": "100.0", "certified": "0.01"},
    ),
    EstimatorOption(
        "--representation",
        SGC,
        "Learn from the last hop, or from all hops side by side.",
        click.Choice(["last", "concat"]),
        "last",
    ),
    EstimatorOption(
        "--normalize", (*SINGLE, *CERTIFIED), "Scaling of each feature row.", click.Choice(["l2", "none"]), "l2"
    ),
    EstimatorOption(
        "--class-weight",
        SGC,
        "balanced: classes count the same, however many nodes they have.",
        click.Choice(["none", "balanced"]),
        "none",
    ),
    EstimatorOption(
        "--projection",
        (*SGC, *RANDOM, *CERTIFIED),
        "Width of a random projection of wider features; auto (sgc alone) projects only when there are thousands.",
        NumberOr(int, "auto", "none"),
        "auto",
        "auto|none|N",
        {"random-feature": "256", "certified": "512"},
    ),
    EstimatorOption("--messages", RANDOM, "Random messages between neighbours.", click.INT, "1000", "N"),
    EstimatorOption("--hybrid", RANDOM, "Two learnt layers before the head, whose weights are rounded coarsely."),
    EstimatorOption("--layers", LCF, "Layers between the features and the head.", click.INT, "2", "N"),
    EstimatorOption("--self-loops", LCF, "Count a node among its neighbours."),
    EstimatorOption(
        "--label-folds",
        (*LCF, *RANDOM),
        "With 2 or more, layers (of random-feature: those of --hybrid) see neighbours' training labels, those of other "
        "folds while learning.",
        click.INT,
        "0",
        "N",
    ),
    EstimatorOption("--no-neighbour-labels", LCF, "Hide the neighbours' training labels from the head."),
    EstimatorOption("--random-features", LCF, "Random features of each kind and layer.", click.INT, "256", "N"),
    EstimatorOption(
        "--components",
        LCF,
        "Principal components that wider features are reduced to; none keeps all.",
        NumberOr(int, "none"),
        "128",
        "none|N",
    ),
    EstimatorOption(
        "--scaling",
        LCF,
        "What is brought to unit variance before the head: each column, or each hop's block.",
        click.Choice(["column", "block"]),
        "column",
    ),
    EstimatorOption(
        "--head", LCF, "Decide by a Gaussian kernel, or linearly.", click.Choice(["kernel", "linear"]), "kernel"
    ),
    EstimatorOption(
        "--bandwidth",
        LCF,
        "Sharpness of the kernel; of several, the best on the validation nodes.",
        Numbers(),
        "0.3",
        "A[,B,...]",
    ),
    EstimatorOption(
        "--landmarks",
        LCF,
        "Training nodes that the kernel is measured from; none takes all, auto all unless there are thousands.",
        NumberOr(int, "auto", "none"),
        "auto",
        "auto|none|N",
    ),
    EstimatorOption(
        "--epsilon",
        CERTIFIED,
        "A model given out is exp(epsilon) times as likely as without the data.",
        click.FLOAT,
        "1.0",
    ),
    EstimatorOption(
        "--delta",
        CERTIFIED,
        "But for this probability; less than one over the number of training nodes.",
        click.FLOAT,
        "0.0001",
    ),
    EstimatorOption(
        "--weights",
        CERTIFIED,
        "Of the hops: the last alone (sgc), average, ppr, alternating, or one number a hop from 0 on.",
        NumbersOr("sgc", "average", "ppr", "alternating"),
        "sgc",
        "NAME|W,W,...",
    ),
    EstimatorOption("--teleport", CERTIFIED, "Of the weights ppr.", click.FLOAT, "0.1", "T"),
    EstimatorOption(
        "--rmax", CERTIFIED, "Residues up to this stay where they are; 0 propagates exactly.", click.FLOAT, "0.0", "R"
    ),
    EstimatorOption("--noise-std", CERTIFIED, "Deviation of the noise, in units of the gradient.", click.FLOAT, "0.1"),
    EstimatorOption(
        "--mechanism",
        CERTIFIED,
        "Fresh noise on the weights of every model given out, or a random term in the loss, once.",
        click.Choice(["output", "objective"]),
        "output",
    ),
    EstimatorOption(
        "--step-share", CERTIFIED, "Share of the budget from which weights are moved.", click.FLOAT, "0.5", "S"
    ),
    EstimatorOption(
        "--router",
        ROUTED,
        "Keep the candidate that is better on the validation nodes, or choose by the homophily of training edges.",
        click.Choice(["validation", "homophily"]),
        "validation",
    ),
    EstimatorOption(
        "--threshold",
        ROUTED,
        "With --router homophily: the adjusted homophily from which the assortative candidate is taken.",
        click.FLOAT,
        "0.35",
        "T",
    ),
    EstimatorOption(
        "--scoring",
        (*SINGLE, *ROUTED),
        "What choices on the validation nodes are made by.",
        click.Choice(["accuracy", "balanced_accuracy", "roc_auc"]),
        "accuracy",
    ),
    EstimatorOption(
        "--engine",
        SGC,
        "Where rows and sums are: in memory, in mapped files, or on Dask workers; auto: files if memory is short.",
        click.Choice(ENGINES),
        "auto",
    ),
    EstimatorOption(
        "--workers",
        SGC,
        "With --engine dask: how many workers to start, one a core without it, or the address of a scheduler.",
        NumberOrText(),
        "none",
        "N|ADDRESS",
    ),
    EstimatorOption("--smooth", SINGLE, "Correct and smooth the predictions along the edges (C&S)."),
    EstimatorOption(
        "--correction",
        SINGLE,
        "With --smooth: share of a residual that comes from neighbours; of several, the best on validation.",
        Numbers(),
        "0.8",
        "A[,B,...]",
    ),
    EstimatorOption(
        "--smoothing",
        SINGLE,
        "With --smooth: share of a score that comes from neighbours; of several, the best on validation.",
        Numbers(),
        "0.8",
        "A[,B,...]",
    ),
]


def estimator_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of all estimators to a command."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def engine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say where a saved model is computed."""
    text = "Where to compute: auto stays with mapped files if the model is in such, and else with memory."
    command = click.option(
        "--workers",
        type=NumberOrText(),
        metavar="N|ADDRESS",
        help="With --engine dask: workers to start, or a scheduler.",
    )(command)
    return click.option("--engine", type=click.Choice(ENGINES), help=f"{text} [default: auto]")(command)
