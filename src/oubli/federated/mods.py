"""What a client does before its update leaves: Flower mods that defend it, and that audit it.

Mods run in the order of ``ClientApp(mods=[...])`` on the way in and in reverse on the way out, so
``[self_audit_mod(...), defence_mod(...)]`` audits what the defence left.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from flwr.app import Array, ArrayRecord, Context, Error, Message, MessageType
from flwr.common.constant import ErrorCode
from torch import Tensor

from oubli.audit.gradients import Defence, ParameterMap, Reconstruction
from oubli.errors import InputError
from oubli.federated.strategy import single_record
from oubli.federated.update import UpdateAudit

ClientAppCallable = Callable[[Message, Context], Message]
Mod = Callable[[Message, Context, ClientAppCallable], Message]
ACTIONS = ("refuse", "warn", "report")
logger = logging.getLogger("oubli.federated")


def defence_mod(
    defence: Defence,
    learning_rate: float,
    local_steps: int = 1,
    parameters: ParameterMap | None = None,
    seed: int | None = None,
) -> Mod:
    """Return a mod that applies a defence to the update that a client is about to send.

    The change of the weights is taken for a gradient, ``(w0 - w) / (learning_rate local_steps)``, so that
    ``noise:1e-1`` means the same as in an audit of gradients; the defence changes it, and the weights sent follow.

    Parameters
    ----------
    defence : Defence
        One of what is sent; that a client takes more steps or graphs is for its training to do.
    learning_rate, local_steps : float, int
        Of the client's SGD.
    parameters : ParameterMap, optional
        Which arrays are parameters, and under which names the defence gets them. By default all floating-point arrays
        under the names of the record; buffers of a module would get noise too.
    seed : int, optional
        Of the defence's noise, by node and round, for experiments. By default the operating system gives it: a seed
        that others know undoes the noise. The generator is torch's, which is no cryptographic one.

    Raises
    ------
    InputError
        For a defence that is about how clients train.
    """
    if defence.local_steps != 1 or defence.num_graphs != 1:
        raise InputError(
            f"defence {defence.name}: says how clients train, by {defence.local_steps} steps on "
            f"{defence.num_graphs} graphs; a mod changes what is sent: train like that, and give it another defence"
        )
    walked = learning_rate * local_steps

    def mod(message: Message, context: Context, call_next: ClientAppCallable) -> Message:
        if not _trains(message):
            return call_next(message, context)
        sent = _arrays(message)
        reply = call_next(message, context)
        if reply.has_error():
            return reply
        returned = _arrays(reply)
        if list(sent) != list(returned):
            raise InputError(f"defence {defence.name}: the reply's arrays are named otherwise than those that came")
        names = _parameter_names(returned, parameters)
        update = {name: torch.from_numpy((sent[name].astype(np.float64) - returned[name]) / walked) for name in names}
        changed = _shared(defence, update, parameters, _generator(seed, message, context))
        for name in names:
            moved = sent[name].astype(np.float64) - walked * changed[name].numpy()
            returned[name] = moved.astype(returned[name].dtype)
        key = next(iter(reply.content.array_records))
        reply.content[key] = ArrayRecord({name: Array(value) for name, value in returned.items()})
        return reply

    return mod


def self_audit_mod(
    audit: UpdateAudit,
    limit: float = 0.5,
    action: str = "refuse",
    labels: Callable[[Context], Sequence[int]] | None = None,
) -> Mod:
    """Return a mod that attacks a client's own update before it is sent, as the server could.

    An update gives away too much when an attack explains more of its gradient than the limit, or names the client's
    labels. The reply's metrics get ``self-audit-explained``, which the server could compute from the update itself;
    whether labels were right is told to nobody but the client's log, though a refusal tells that something was.

    Parameters
    ----------
    audit : UpdateAudit
        The attacks, and how to read the update.
    limit : float, default 0.5
        Share of the gradient's norm that an attack may explain, between 0 and 1.
    action : {"refuse", "warn", "report"}, default "refuse"
        Of an update that gives away too much: reply with an error instead, or send it with a warning in the log of
        ``oubli.federated``, or send it with the metric alone.
    labels : callable, optional
        The classes of the graphs behind this update, from the context: the client's app can leave them in
        ``context.state``, which stays on the node. Without it labels are not checked, and against noise that is the
        weaker check: the label survives where little of the gradient can be explained.

    Raises
    ------
    InputError
        For an unknown action or a limit out of range.
    """
    if action not in ACTIONS:
        raise InputError(f"action: {action!r} is not supported; supported: {', '.join(ACTIONS)}")
    if not 0 <= limit <= 1:
        raise InputError(f"limit: a share of the gradient between 0 and 1, got {limit}")

    def mod(message: Message, context: Context, call_next: ClientAppCallable) -> Message:
        if not _trains(message):
            return call_next(message, context)
        sent = single_record(message).to_numpy_ndarrays()
        reply = call_next(message, context)
        if reply.has_error():
            return reply
        transcript = audit.transcript(sent, single_record(reply).to_numpy_ndarrays())
        guesses = audit.attack([transcript])[0]
        explained = max(_explained(guess) for guess in guesses.values())
        truth = None if labels is None else tuple(sorted(int(label) for label in labels(context)))
        named = [name for name, guess in guesses.items() if truth is not None and guess.labels == truth]
        if explained > limit or named:
            found = f"{explained:.0%} of the gradient explained" + (
                f", labels named by {', '.join(named)}" * bool(named)
            )
            if action == "refuse":
                logger.warning("update not sent: %s", found)
                reason = "self-audit: the update gives away more than this client allows, and was not sent"
                return Message(Error(code=ErrorCode.MOD_FAILED_PRECONDITION, reason=reason), reply_to=message)
            if action == "warn":
                logger.warning("update sent although it gives away much: %s", found)
        for record in reply.content.metric_records.values():
            record["self-audit-explained"] = explained
        return reply

    return mod


def _trains(message: Message) -> bool:
    return message.metadata.message_type.partition(".")[0] == MessageType.TRAIN


def _arrays(message: Message) -> dict[str, Any]:
    return {name: value.numpy() for name, value in single_record(message).items()}


def _parameter_names(returned: Mapping[str, Any], parameters: ParameterMap | None) -> list[str]:
    if parameters is None:
        return [name for name, value in returned.items() if value.dtype.kind == "f"]
    if len(returned) == len(parameters.state):
        return [name for name, own in zip(returned, parameters.state, strict=True) if own not in parameters.buffers]
    return list(returned)


def _shared(
    defence: Defence, update: Mapping[str, Tensor], parameters: ParameterMap | None, generator: torch.Generator
) -> dict[str, Tensor]:
    if parameters is None:
        return defence.share(update, generator)
    canonical = parameters.from_arrays([value.numpy() for value in update.values()])
    own = parameters.own(defence.share(canonical, generator))
    return dict(zip(update, own.values(), strict=True))


def _generator(seed: int | None, message: Message, context: Context) -> torch.Generator:
    if seed is None:
        return torch.Generator().manual_seed(secrets.randbits(63))
    # Node ids differ from run to run; the partition of a simulation does not.
    node = int(context.node_config.get("partition-id", context.node_id))
    configs = message.content.config_records.values()
    rounds = [int(str(config["server-round"])) for config in configs if "server-round" in config]
    words = np.random.SeedSequence([seed, node, *rounds]).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(words[0] >> 1))


def _explained(guess: Reconstruction) -> float:
    residual = guess.details.get("head_residual") if guess.residual is None else guess.residual
    return 0.0 if residual is None else max(0.0, 1.0 - float(residual))
