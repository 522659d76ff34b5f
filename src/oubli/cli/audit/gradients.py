"""``oubli audit gradients``: what one client's update gives away."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from oubli.cli.audit.gradients_table import result_lines
from oubli.cli.audit.page import write_page
from oubli.cli.terminal import json_option, progress, progress_to, say
from oubli.cli.values import Names, Widths
from oubli.errors import InputError

if TYPE_CHECKING:
    from oubli.audit.gradients.run.audit import GradientAudit

# Told here as well, so that help does not wait for torch; a test compares.
ACTIVATIONS = ("relu", "leaky_relu", "tanh", "sigmoid", "gelu")
POOLINGS = ("mean", "sum", "max")
LAYERS = ("gcn", "gin")


@click.command("gradients", short_help="What one client's gradient gives away.")
@click.option(
    "--data",
    metavar="NAME|FILE",
    required=True,
    help="Graphs with a label each: a name such as tu-mutag, or an .npz file.",
)
@click.option(
    "--attack",
    "attacks",
    type=Names(),
    metavar="NAME,...",
    default="lifting",
    show_default=True,
    help="Any of head, lifting, graphdlg, dlg, idlg, inverting; dlg-oracle, inverting-oracle, recursion-oracle, which "
    "are given the structure; and nulls, which are always added.",
)
@click.option(
    "--defence",
    "defences",
    type=Names(),
    metavar="NAME,...",
    default="none",
    show_default=True,
    help="Any of none, float16, int8, top-k:SHARE, noise:SIGMA[:CLIP], local-steps:N[:LR], batch:N, "
    "secure-aggregation:N; several joined by + act together.",
)
@click.option(
    "--victims",
    type=click.INT,
    metavar="N",
    default=50,
    show_default=True,
    help="How many graphs are attacked, at the most.",
)
@click.option("-o", "--output", metavar="FOLDER", required=True, help="Folder for the results.")
@click.option(
    "--hidden",
    type=Widths(),
    metavar="W,...",
    default="128,128",
    show_default=True,
    help="Width of each graph layer of the model.",
)
@click.option("--activation", type=click.Choice(ACTIVATIONS), default="relu", show_default=True, help="Of the model.")
@click.option("--bias/--no-bias", default=True, show_default=True, help="Whether graph layers have biases.")
@click.option(
    "--pooling", type=click.Choice(POOLINGS), default="mean", show_default=True, help="From nodes to the graph."
)
@click.option("--layer", type=click.Choice(LAYERS), default="gcn", show_default=True, help="Kind of graph layers.")
@click.option(
    "--head",
    type=Widths(),
    metavar="W,...|none",
    default="none",
    show_default=True,
    help="Width of each hidden layer of the head.",
)
@click.option(
    "--trained",
    type=click.INT,
    metavar="EPOCHS",
    default=0,
    show_default=True,
    help="Train the model first, on the half of DATA without victims; 0 attacks it as freshly drawn.",
)
@click.option(
    "--precision",
    type=click.Choice(["float64", "float32"]),
    default="float64",
    show_default=True,
    help="In which clients compute.",
)
@click.option(
    "--auxiliary",
    type=click.Choice(["client", "random", "none"]),
    default="client",
    show_default=True,
    help="What graphs the attacker has: those of a client that colludes, which is the half of DATA without victims; "
    "random ones; or none.",
)
@click.option(
    "--max-degree",
    type=click.INT,
    metavar="N",
    help="The largest degree, where that is public, such as the valence of atoms.",
)
@click.option("--max-nodes", type=click.INT, metavar="N", help="Attack no larger graphs.")
@click.option("--hide-sizes", is_flag=True, help="The attacker does not know how many nodes a graph has.")
@click.option(
    "--node-order",
    type=click.Choice(["shuffled", "dataset"]),
    default="shuffled",
    show_default=True,
    help="The order of a file can give edges away; it is not the attack's merit.",
)
@click.option(
    "--budget",
    type=click.FLOAT,
    metavar="SHARE",
    default=1.0,
    show_default=True,
    help="Share of the published iterations for dlg, idlg and inverting; 1 takes hours.",
)
@click.option(
    "--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True, help="Where to compute."
)
@click.option("--seed", type=click.INT, metavar="N", default=0, show_default=True, help="Of everything that is drawn.")
@click.option("--no-accuracy", is_flag=True, help="Do not train models to see what each defence costs.")
@json_option
def audit_gradients(data: str, output: str, as_json: bool, **options: Any) -> None:
    """Attack the gradients that clients of a federation share, one by one.

    Victims are drawn from one half of the graphs; each is attacked under each defence by each attack, and by nulls that
    make no use of the gradient. The folder gets results.json, rows.csv, summary.csv and report.html. It holds graphs of
    DATA and what was found of them: keep it as you keep DATA.

    When interrupted, the same command goes on where it was. Attacks and defences can be added later; other settings
    need another folder.
    """
    if Path(output).is_file():
        raise InputError(f"{output}: is a file; give the path of a folder for the results")
    with progress(f"Reading {data}"):
        planned = _plan(data, options)
    try:
        with progress_to("Attacking", planned.attempts, unit="attempts") as reach:
            results = planned.run(output, lambda done, total, text: reach(done))
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"what is done is kept in {output}; run the same command to go on") from None
    files, advice = write_page(results, Path(output))
    values = {name: value for name, value in results.items() if name not in ("rows", "examples")}
    values |= {"path": output, "files": files}
    say(as_json, values, [*result_lines(results), f"Files: {', '.join(files)}", *advice])


def _plan(data: str, options: dict[str, Any]) -> GradientAudit:
    """Return the audit that the options ask for, checked."""
    try:
        from oubli.audit.gradients.form import ModelForm
        from oubli.audit.gradients.run.audit import GradientAudit
        from oubli.graph.datasets import load_collection

        graphs = load_collection(data)
        form = ModelForm(
            graphs.num_features,
            graphs.num_classes,
            hidden=options["hidden"],
            activation=options["activation"],
            bias=options["bias"],
            pooling=options["pooling"],
            head=options["head"],
            layer=options["layer"],
        )
        return GradientAudit(
            graphs,
            form,
            options["attacks"],
            options["defences"],
            num_nodes_known=not options["hide_sizes"],
            accuracy=not options["no_accuracy"],
            **{name: options[name] for name in SAME},
        )
    except ImportError as error:  # an extra that is missing is named in the message
        raise InputError(str(error)) from None


SAME = (
    "victims",
    "seed",
    "auxiliary",
    "node_order",
    "max_nodes",
    "max_degree",
    "precision",
    "trained",
    "device",
    "budget",
)
"""Options that the audit takes as they are."""
