"""Which units of a model share a positive scale, and what connects them.

A positively homogeneous unit may have the weights that enter it multiplied by
c > 0 and those that leave it divided by c: the model computes the same. Units
that must have the same c (the channels of all tensors of a residual stream, the
positions of a channel) are one *group*; what must keep its scale (inputs,
outputs, whatever an op sees that is not positively homogeneous) is *ground*.
Each entry of a trainable weight is an *edge* from group to group, and

    w_e -> w_e * c_target(e) / c_source(e)

leaves the function of the model as it is.
"""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from needle_tf.graphs import rewiring
from needle_tf.graphs import tracing
from needle_tf.scales import edge_groups
from needle_tf.scales import events
from needle_tf.scales import join_rules as _join  # noqa: F401  (fills rules)
from needle_tf.scales import normal_rules as _normal  # noqa: F401
from needle_tf.scales import operation_rules as _operations  # noqa: F401
from needle_tf.scales import packed_arrays
from needle_tf.scales import path_counts
from needle_tf.scales import pooling_rules as _pooling  # noqa: F401
from needle_tf.scales import rules
from needle_tf.scales import shape_rules as _shapes  # noqa: F401
from needle_tf.scales import summary
from needle_tf.scales import untied_rules as _untied  # noqa: F401
from needle_tf.scales import weight_rules as _weights  # noqa: F401

Grounded = events.Grounded

_ARRAYS = ("source", "target", "candidates")


@dataclasses.dataclass(frozen=True, eq=False)
class Edges:
    """One trainable weight whose entries are edges of the scale graph.

    Attributes:
        path: Of the variable.
        place: Its index in `model.trainable_variables`.
        layer: Name of its layer, as `rewiring.named_layers` has it.
        kind: `"kernel"`, `"scale"` (gamma of a normalisation) or `"bias"`
            (beta, too), which leads from ground.
        shape: Of the variable.
        source, target: Group of the unit that each entry comes from and goes
            to, 0 for ground; of the rank of the variable and broadcastable to
            it, int32.
        candidates: Flat indices of the entries that suit a skeleton, best ones
            first, int64; none in a bias. From the candidates of all edges
            alone, every group can be reached from ground and reaches ground.
        count: Number of edges: entries that training may change.
    """

    path: str
    place: int
    layer: str
    kind: str
    shape: tuple[int, ...]
    source: np.ndarray
    target: np.ndarray
    candidates: np.ndarray
    count: int


@dataclasses.dataclass(frozen=True, eq=False)
class ScaleGraph:
    """The groups of a model and the edges between them.

    Made by `scale_graph`; knows no weights.

    Attributes:
        edges: Weights that touch a group, in the order of the calls.
        plain: The other trainable variables by path, and why no rescaling
            touches them.
        grounded: What is treated as ground, and why.
        num_weights: m, all entries of trainable variables that may change.
        owners: Of each group the layer in whose output it first appears;
            "ground" at 0.
        variable_paths: Of `model.trainable_variables`, in their order.
        _count_paths: Counts all paths when `num_paths` is first asked for.
    """

    edges: tuple[Edges, ...]
    plain: dict[str, str]
    grounded: tuple[Grounded, ...]
    num_weights: int
    owners: tuple[str, ...]
    variable_paths: tuple[str, ...]
    _count_paths: Callable[[], int]

    @property
    def num_groups(self) -> int:
        """H: independent positive scales that leave the function alone."""
        return len(self.owners) - 1

    @property
    def num_basis_paths(self) -> int:
        """m - H: independent path values, the dimension of the class space."""
        return self.num_weights - self.num_groups

    @functools.cached_property
    def num_paths(self) -> int:
        """Number of all paths from ground to ground, as `path_counts` counts.

        Without biases and grounds in between: all input-output paths.
        """
        return self._count_paths()

    def summary(self, print_fn: Callable[[str], Any] = print) -> None:
        """Prints the weights, the counts, and what is ground and why."""
        for line in summary.lines(self):
            print_fn(line)

    def get_config(self) -> dict[str, Any]:
        """Returns plain JSON types for `from_config`."""
        edges = []
        for each in self.edges:
            fields = {**vars(each), "shape": list(each.shape)}
            for name in _ARRAYS:
                fields[name] = packed_arrays.pack(fields[name])
            edges.append(fields)
        return {
            "edges": edges,
            "plain": dict(self.plain),
            "grounded": [list(pair) for pair in self.grounded],
            "num_weights": self.num_weights,
            "owners": packed_arrays.pack_words(self.owners),
            "variable_paths": list(self.variable_paths),
            # JSON readers cut large numbers; decimal text has a limit.
            "num_paths": hex(self.num_paths),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "ScaleGraph":
        """Returns the graph that `config` came from."""
        edges = []
        for fields in config["edges"]:
            arrays = {n: packed_arrays.unpack(fields[n]) for n in _ARRAYS}
            shape = tuple(fields["shape"])
            edges.append(Edges(**{**fields, **arrays, "shape": shape}))
        count = int(config["num_paths"], 16)
        return cls(
            edges=tuple(edges),
            plain=dict(config["plain"]),
            grounded=tuple(Grounded(*pair) for pair in config["grounded"]),
            num_weights=config["num_weights"],
            owners=packed_arrays.unpack_words(config["owners"]),
            variable_paths=tuple(config["variable_paths"]),
            _count_paths=lambda: count,
        )


def scale_graph(model: keras.Model) -> ScaleGraph:
    """Returns which units of a model share a scale, and what connects them.

    Any Functional or Sequential model: nested models, shared layers, skips.
    The model is only read. A layer or operation without a rule, or one that is
    not positively homogeneous, has ground before and behind it; so have frozen
    weights. `summary` tells all of that.

    Raises:
        ValueError: If `model` has no graph that can be followed.

    Reference: the positively scale-invariant space of Meng et al.,
    arXiv:1802.03713, generalised from equal widths to any wiring.
    """
    trainable = list(model.trainable_variables)
    ledger = events.Ledger(trainable)
    names = {
        id(layer): name for name, layer in rewiring.named_layers(model).items()
    }

    def start(name, shape):
        ledger.explain(name, "input of the model")
        return events.grounded(shape)

    def step(call):
        ledger.where = names.get(id(call.operation), call.operation.name)
        return rules.step(call, ledger)

    outputs = tracing.follow(model, start, step)
    for tensor, flow in zip(model.outputs, outputs, strict=True):
        maker = tensor._keras_history.operation
        ledger.where = names.get(id(maker), maker.name)
        ledger.ground(flow.ids, "output of the model")
    return _graph(trainable, ledger)


def _graph(trainable, ledger):
    """The scale graph of what the ledger has taken down."""
    grouped = edge_groups.group(ledger)
    places = {id(variable): n for n, variable in enumerate(trainable)}
    edges = []
    plain = {
        id(variable): "it takes no part in the outputs"
        for variable in trainable
    }
    for use, source, target, candidates in grouped.uses:
        if not (source.any() or target.any()):
            plain[id(use.variable)] = "it leads from ground to ground"
            continue
        del plain[id(use.variable)]
        edges.append(
            Edges(
                path=use.variable.path,
                place=places[id(use.variable)],
                layer=use.layer,
                kind=use.kind,
                shape=use.shape,
                source=source,
                target=target,
                candidates=candidates,
                count=use.count(),
            )
        )
    plain.update((k, w) for k, w in ledger.why_plain.items() if k in plain)
    used = {id(use.variable): use.count() for use, *_ in grouped.uses}
    num_alone = sum(
        math.prod(variable.shape)
        for variable in trainable
        if id(variable) not in used
    )
    return ScaleGraph(
        edges=tuple(edges),
        plain={v.path: plain[id(v)] for v in trainable if id(v) in plain},
        grounded=tuple(ledger.reasons),
        num_weights=sum(used.values()) + num_alone,
        owners=grouped.owners,
        variable_paths=tuple(v.path for v in trainable),
        _count_paths=lambda: (
            path_counts.count_paths(ledger.events, grouped.is_ground)
            + num_alone
        ),
    )
