"""How curved the loss is around a trained network.

The leading eigenvalues of the Hessian H of the loss: of the whole network, of
single layers (the diagonal blocks of H), and within the subspace of the CNN or
its complement (P H P, with P the projection). By Hessian-vector products over
all of the data; nothing of the size of H is ever made.
"""

import dataclasses
import itertools
import math
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras

from needle_tf.analysis import hessian
from needle_tf.analysis import labelled_data
from needle_tf.analysis import lanczos
from needle_tf.analysis import plain_json
from needle_tf.analysis import weight_parts
from needle_tf.analysis import weight_state
from needle_tf.data import arguments
from needle_tf.graphs import rewiring

# Vectors of the search beyond those asked for.
_MORE_VECTORS = 6


@dataclasses.dataclass(frozen=True)
class Spectrum:
    """Leading eigenvalues of the Hessian within one space.

    Attributes:
        eigenvalues: In the order asked for. Fewer than asked for if the space
            has no more dimensions.
        residuals: `|H v - theta v|` of each: an eigenvalue lies so near.
        cnn_shares: How much of each eigenvector lies in the CNN subspace, as a
            share of its squared norm, in [0, 1].
        products: Hessian-vector products that it took, each a pass over the
            data.
        is_converged: Whether all residuals are within the tolerance.
    """

    eigenvalues: tuple[float, ...]
    residuals: tuple[float, ...]
    cnn_shares: tuple[float, ...]
    products: int
    is_converged: bool


@dataclasses.dataclass(frozen=True)
class Curvature:
    """What `curvature` found.

    Attributes:
        loss: Mean over the data, without penalties on weights.
        gradient_norm: Norm of its gradient.
        gradient_norms: That of the gradient's part in each space asked for.
        layer_gradient_norms: That of each layer with weights.
        spaces: Spectrum of each space asked for.
        layers: Spectrum of each layer asked for.
    """

    loss: float
    gradient_norm: float
    gradient_norms: dict[str, float]
    layer_gradient_norms: dict[str, float]
    spaces: dict[str, Spectrum]
    layers: dict[str, Spectrum]

    def to_json(self) -> str:
        """Returns the result as JSON."""
        return plain_json.dumps(self)


@dataclasses.dataclass(frozen=True)
class Search:
    """How eigenvalues are searched for.

    Attributes:
        count: Eigenvalues of each space and layer, at least 1.
        order: `"largest"`, `"smallest"` (the most negative first) or
            `"magnitude"`.
        tolerance: Largest residual, as a share of the largest eigenvalue in
            magnitude, above 0.
        max_products: Products after which a search ends unconverged.
        basis_size: Vectors of a search, more than `count`, at most 100;
            `count` + 6 by default.
        seed: Of the first vector.

    Raises:
        ValueError: If one is out of its range.
    """

    count: int = 1
    order: str = "largest"
    tolerance: float = 1e-3
    max_products: int = 100
    basis_size: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        count = arguments.require_integer("count", self.count, 1, 99)
        if self.order not in lanczos.ORDERS:
            raise ValueError(
                f"`order` must be one of {lanczos.ORDERS}. Received: "
                f"order={self.order!r}."
            )
        if not self.tolerance > 0:
            raise ValueError(
                "`tolerance` must be above 0: float32 reaches about 1e-5. "
                f"Received: tolerance={self.tolerance!r}."
            )
        arguments.require_integer("max_products", self.max_products, 1)
        size = self.basis_size
        if size is None:
            size = min(count + _MORE_VECTORS, 100)
        size = arguments.require_integer("basis_size", size, count + 1, 100)
        object.__setattr__(self, "basis_size", size)
        arguments.require_seed(self.seed)


def curvature(
    model: keras.Model,
    data: Any,
    *,
    spaces: Sequence[str] = ("all",),
    layers: Sequence[str] = (),
    loss: Any = None,
    batch_size: int = 500,
    progress: Callable[[int, int], None] | None = None,
    **search: Any,
) -> Curvature:
    """Returns gradient norms and leading Hessian eigenvalues of a network.

    Memory: `basis_size` + 6 copies of the weights besides the model and the
    activations of a batch (a layer's search: of its own weights only). All lie
    where the model lies; nothing of their size comes to the host. By default
    that is 13 copies; `basis_size=2` makes do with 8 and takes more products.

    Args:
        model: A built model of any kind; in float32 or float64.
        data: Arrays `(x, y)` or a `tf.data.Dataset` of batches, which must be
            the same in every pass.
        spaces: Any of `weight_parts.SPACES`: `"all"`, and, of a relaxed
            network, `"cnn"` (shared weights, and what belongs to no untied
            layer), `"not_cnn"` (its complement), `"lcn"`, `"off_local"`.
        layers: Names of layers whose blocks are wanted, those of nested models
            as `"nested/layer"`.
        loss: By default the loss that the model was compiled with.
        batch_size: For arrays.
        progress: Called as `progress(products done, products at most)`.
        **search: As of `Search`: `count`, `order`, `tolerance`, ...

    Raises:
        ValueError: If an argument is out of its range, a layer is unknown or
            has no weights, a space needs untied layers and there are none, a
            layer computes in less than float32, or the loss is not finite.

    Reference: the spec of the embedding after arXiv:1906.06766; blocks and
    subspaces are ours.
    """
    finder = _Finder(model, Search(**search))
    own = trained_layers(model)
    _check_names(model, spaces, layers, own)
    finder.report_to(progress, len(spaces) + len(layers))
    data = labelled_data.LabelledData.of(data, batch_size)
    return _measured(finder, data, loss, spaces, {n: own[n] for n in layers})


def trained_layers(model: keras.Model) -> dict[str, list[keras.Variable]]:
    """Returns the trainable variables of a model by layer, each once."""
    trained = {id(variable) for variable in model.trainable_variables}
    found = {}
    for name, layer in rewiring.named_layers(model).items():
        own = [v for v in layer.trainable_variables if id(v) in trained]
        if own:
            found[name] = own
    return found


def _measured(finder, data, loss, spaces, blocks):
    model = finder.model
    whole = hessian.Derivatives(model, data, loss=loss)
    parts = {
        space: weight_parts.Projection(model, whole.variables, space)
        for space in spaces
    }
    return Curvature(
        **_gradient(whole, parts, trained_layers(model)),
        spaces={
            space: finder.spectrum(whole, part) for space, part in parts.items()
        },
        layers={
            name: finder.spectrum(
                hessian.Derivatives(model, data, variables=own, loss=loss),
                weight_parts.Projection(model, own, "all"),
            )
            for name, own in blocks.items()
        },
    )


def _gradient(whole, parts, own):
    """Loss and norms of the gradient, which goes with the end of this."""
    loss, gradient = whole.gradient()
    norm = _norm(gradient)
    if not math.isfinite(loss) or not math.isfinite(norm):
        raise ValueError(
            "A network that has diverged has no curvature. Received: loss="
            f"{loss}, gradient norm={norm}. Take weights of an earlier epoch."
        )
    by_id = dict(zip(map(id, whole.variables), gradient, strict=True))
    return {
        "loss": loss,
        "gradient_norm": norm,
        "gradient_norms": {s: _norm(p(gradient)) for s, p in parts.items()},
        "layer_gradient_norms": {
            name: _norm([by_id[id(variable)] for variable in variables])
            for name, variables in own.items()
        },
    }


class _Finder:
    """Searches for eigenvalues of one network."""

    def __init__(self, model, search):
        self.model = model
        self._search = search
        self._report = None

    def report_to(self, progress, searches):
        """Lets `progress` know of each product of so many searches."""
        if progress is not None:
            done = itertools.count(1)
            most = searches * self._search.max_products
            self._report = lambda: progress(next(done), most)

    def spectrum(self, derivatives, part):
        """The spectrum of a Hessian within the space of a projection."""
        search, variables = self._search, derivatives.variables
        found = lanczos.leading(
            # Vectors of the search lie in the space already.
            lambda vector: part(derivatives.product(vector)),
            lambda number: part(_drawn(variables, (search.seed, number))),
            count=search.count,
            basis_size=search.basis_size,
            tolerance=search.tolerance,
            max_products=search.max_products,
            order=search.order,
            report=self._report,
        )
        cnn = weight_parts.Projection(self.model, variables, "cnn")
        return Spectrum(
            tuple(map(float, found.eigenvalues)),
            tuple(map(float, found.residuals)),
            tuple(min(_norm(cnn(v)) ** 2, 1.0) for v in found.vectors),
            found.products,
            found.is_converged,
        )


def _drawn(variables, numbers):
    """A random vector, one tensor per variable."""
    return [
        keras.random.normal(
            variable.shape,
            dtype=variable.dtype,
            seed=weight_parts.seed_of(*numbers, place),
        )
        for place, variable in enumerate(variables)
    ]


def _norm(tensors):
    return weight_state.dot(tensors, tensors) ** 0.5


def _check_names(model, spaces, layers, own):
    for name, chosen in (("spaces", spaces), ("layers", layers)):
        if isinstance(chosen, str):
            raise ValueError(
                f"`{name}` must be several names. Received: {name}={chosen!r}. "
                f"Give {name}=[{chosen!r}]."
            )
    if any(space != "all" for space in spaces):
        weight_parts.untied_layers(model)
    unknown = [name for name in layers if name not in own]
    if unknown:
        raise ValueError(
            "`layers` must name layers with trainable weights. Received: "
            f"{unknown}. Those of the model: {list(own)}."
        )
