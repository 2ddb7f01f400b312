"""EC-Opt (G-SGD): any element-wise optimizer, on the basis path values.

With v_e the basis path values of a network (see `ops.basis_paths`), a step is

    x_e = w_e dL/dw_e                          for all weights
    dL/dv_e = dL/dw_e / (P_a K_b),  dL/dd_b = y_b / d_b     inverse chain rule
    v' = the inner optimizer's step from v
    R_b = d'_b / d_b,  w'_e = v'_e / (P'_a K_b)             weight allocation

where the weights os(b) keep their values for ever, so K is constant. All of it
are functions of path values: networks that differ by a positive rescaling of
their units stay equal, step by step, to rounding.

Reference: Meng et al., arXiv:1802.03713 (ICLR 2019), for equal widths and
networks without biases; here for any scale graph.
"""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from needle_tf.ops import basis_paths
from needle_tf.optimizers import around_inner
from needle_tf.optimizers import ec_opt_rules
from needle_tf.optimizers import inner_optimizer
from needle_tf.optimizers import inner_steps
from needle_tf.optimizers import path_plan
from needle_tf.optimizers import path_step
from needle_tf.scales import scale_groups
from needle_tf.scales import skeletons

# Steps from one check of the conservation law to the next.
_CHECK_STEPS = 100


@keras.saving.register_keras_serializable(package="needle_tf")
class ECOpt(around_inner.AroundInner):
    """Steps a ReLU network in the space of its basis path values.

    Args:
        inner: A new Keras optimizer that works element by element (SGD with
            or without momentum, RMSprop, Adam, AdamW, ...). Its state lives on
            the basis paths, its weight decay acts on path values. Variables
            that touch no group of the scale graph it steps as ever. Its
            learning rate, clipping, loss scaling and gradient accumulation
            are taken over.
        model: The model that will be trained, built. Any Sequential or
            Functional one with a unit that may be rescaled.
        skeleton: Which edge into and out of each unit stands for its scale.
            `ones`, for a fresh network, as published: by index, and THE MODEL
            IS CHANGED: skeleton weights become 1 and other hidden weights are
            shrunk with the depth. `max_product`: the largest paths; `index`:
            by index. Neither changes the model. Or a `basis_paths.Skeleton`.
        ratio_range: 0 < low < 1 < high; each d_b changes by a factor within
            this range in one step. Beyond, signs would flip and weights
            explode; see `clipped_share`.
        comparable_rate: Whether path values are measured in units of
            D^(1 - 1/L), D their geometric mean at the start and L their mean
            number of edges, so that learning rates compare with those of the
            inner optimizer on weights. With `ones` the unit is 1.
        graph: Instead of `model`, a `ScaleGraph`; then `skeleton` must be a
            `Skeleton` and `unit` be given. For loading.
        unit: Unit of the path values; None computes it.
        learning_rate: None for that of `inner`.
        name: Name of the optimizer.
        **kwargs: `global_clipnorm` (bounds the gradient of the path values),
            `loss_scale_factor`, `gradient_accumulation_steps`, `use_ema` and
            its options, of any Keras optimizer.

    Raises:
        ValueError: If the model has no graph to walk or no unit to rescale,
            weights have regularisers or constraints, the inner optimizer does
            not fit, or a value is out of bounds. When it is built: if the
            variables are not those of the model.

    Reference: Meng et al., arXiv:1802.03713. Differs from the published code in
    taking any widths, convolutions, biases, BatchNorm and skips, in shrinking
    weights beside the skeleton, and in `ratio_range`.
    """

    def __init__(
        self,
        inner: keras.optimizers.Optimizer,
        model: keras.Model | None = None,
        *,
        skeleton: str | basis_paths.Skeleton | Mapping[str, Any] = "ones",
        ratio_range: Sequence[float] = (0.5, 2.0),
        comparable_rate: bool = True,
        graph: scale_groups.ScaleGraph | Mapping[str, Any] | None = None,
        unit: float | None = None,
        learning_rate: Any = None,
        name: str = "ec_opt",
        **kwargs: Any,
    ) -> None:
        inner_optimizer.check(inner, ec_opt_rules.DEMANDS)
        ratio_range = ec_opt_rules.check_ratio_range(ratio_range)
        graph = _graph_of(model, graph, unit)
        edges = _skeleton_of(graph, skeleton, model)
        kwargs = inner_optimizer.adopted(inner, kwargs, ec_opt_rules.DEMANDS)
        if learning_rate is None:
            learning_rate = inner._learning_rate
            if isinstance(learning_rate, keras.Variable):
                learning_rate = float(ops.convert_to_numpy(learning_rate))
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        self.graph = graph
        self.skeleton = edges
        self.ratio_range = ratio_range
        self.comparable_rate = comparable_rate
        self._plan = path_plan.PathPlan(graph, edges)
        if unit is None:
            if skeleton == "ones":
                skeletons.start_at_one(graph, edges, model)
            unit = self._unit_of(model.trainable_variables)
        self.unit = unit
        self.hold(inner)

    def _unit_of(self, variables):
        weights = [variables[edges.place] for edges in self.graph.edges]
        products = basis_paths.path_products(
            *ops.split(self._plan.at_skeleton(weights, 1.0), 2), self.skeleton
        )
        prefix, suffix = (ops.convert_to_numpy(p)[1:] for p in products)
        values = prefix.astype("float64") * suffix
        ec_opt_rules.check_values(values, self.graph)
        if not self.comparable_rate:
            return 1.0
        mean = np.mean(np.log(np.abs(values)))
        return float(np.exp(mean * (1 - 1 / self.skeleton.mean_length)))

    def build(self, variables: list[keras.Variable]) -> None:
        """Makes the slots of both optimizers for these variables.

        Args:
            variables: All trainable variables of the model.

        Raises:
            ValueError: If they are others than those of the model.
        """
        if self.built:
            return
        inner_optimizer.check(self.inner, ec_opt_rules.DEMANDS)
        places = ec_opt_rules.matched(variables, self.graph)
        ordered = [variables[place] for place in places]
        ec_opt_rules.check_weights(ordered, self.graph)
        super().build(variables)
        self._places = [places[edges.place] for edges in self.graph.edges]
        dtype = keras.backend.result_type(
            "float32", *(variable.dtype for variable in variables)
        )
        size = self.graph.num_groups + 1
        self._ratios = self.add_variable(
            (size,), initializer="ones", dtype=dtype, name="path_ratios"
        )
        self.clip_count = self.add_variable(
            (), dtype="float32", name="clip_count"
        )
        self.conservation_error = self.add_variable(
            (), dtype="float32", name="conservation_error"
        )
        self.inner.build([*variables, self._ratios])
        self._decays = [self._decay_of(variable) for variable in variables]
        # Not before, or it would keep gradients of its own.
        self.inner.gradient_accumulation_steps = (
            self.gradient_accumulation_steps
        )

    def _decay_of(self, variable):
        decay = self.inner.weight_decay
        return decay if decay and self.inner._use_weight_decay(variable) else 0

    @property
    def clipped_share(self) -> float:
        """Share of ratios beyond `ratio_range`, of all groups and steps."""
        steps = max(1, int(ops.convert_to_numpy(self.iterations)))
        count = float(ops.convert_to_numpy(self.clip_count))
        return count / (steps * self.graph.num_groups)

    def exclude_from_weight_decay(
        self, var_list: Any = None, var_names: Any = None
    ) -> None:
        """As in any Keras optimizer; hands it to the inner one."""
        self.inner.exclude_from_weight_decay(var_list, var_names)

    def _clip_gradients(self, grads):
        return grads  # Of the path values, when these are known.

    def _apply_weight_decay(self, variables):
        # Keras leaves out variables without a gradient: places differ here.
        self.inner._apply_weight_decay(
            [
                variable
                for variable in variables
                if self._get_variable_index(variable) not in self._places
            ]
        )

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        if not hasattr(super(), "_all_reduce_sum_gradients"):
            pairs = zip(grads, trainable_variables, strict=True)
            pairs = self._with_paths(list(pairs))
            grads, trainable_variables = zip(*pairs, strict=True)
        super()._backend_update_step(grads, trainable_variables, learning_rate)

    def _all_reduce_sum_gradients(self, grads_and_vars):
        # TensorFlow adds up the gradients of its replicas here. Nothing may be
        # computed before: ratios are not linear in them.
        return self._with_paths(
            super()._all_reduce_sum_gradients(grads_and_vars)
        )

    def _with_paths(self, pairs):
        """Puts what all weights decide together before and to the gradients."""
        is_keras = isinstance(pairs[0][1], keras.Variable)
        found = {self._get_variable_index(v): (g, v) for g, v in pairs}
        for place in self._places:
            if found.get(place, (None,))[0] is None:
                # The loss does not see it, but the units do that it scales.
                variable = self._trainable_variables[place]
                found[place] = (
                    ops.zeros_like(variable),
                    variable if is_keras else variable.value,
                )
        weights = [self._in_math(found[place][1]) for place in self._places]
        gradients = [self._in_math(found[place][0]) for place in self._places]
        paths = path_step.path_gradients(weights, gradients, self._plan)
        error = ops.cond(
            ops.equal(self.iterations % _CHECK_STEPS, 0),
            lambda: ops.cast(
                path_step.conservation_error(weights, gradients, self._plan),
                "float32",
            ),
            lambda: ops.convert_to_tensor(self.conservation_error),
        )
        plain = {k: v for k, v in found.items() if k not in self._places}
        flow = paths.flow
        if self.global_clipnorm:
            factor = self._clip_factor(gradients, paths, plain)
            flow = flow * factor
            gradients = [gradient * factor for gradient in gradients]
            plain = {
                place: (self._in_math(gradient) * factor, variable)
                for place, (gradient, variable) in plain.items()
            }
        ratios = self._ratios if is_keras else self._ratios.value
        return [
            ((flow, paths.values, error), ratios),
            *(
                ((gradient, paths.prefix, paths.suffix), found[place][1])
                for gradient, place in zip(gradients, self._places, strict=True)
            ),
            *plain.values(),
        ]

    def _in_math(self, tensor):
        return ops.cast(ops.convert_to_tensor(tensor), self._ratios.dtype)

    def _clip_factor(self, gradients, paths, plain):
        squares = path_step.squared_norm(
            gradients, paths, self._plan, self.unit
        )
        for gradient, _ in plain.values():
            squares += ops.sum(ops.square(self._in_math(gradient)))
        norm = ops.sqrt(squares)
        return self.global_clipnorm / ops.maximum(norm, self.global_clipnorm)

    def update_step(
        self, gradient: Any, variable: Any, learning_rate: Any
    ) -> None:
        """Steps the path values through units, one grouped or a plain variable.

        The first must come first: weights are allocated by its ratios.
        """
        if self._var_key(variable) == self._var_key(self._ratios):
            self._step_values(*gradient, learning_rate)
            return
        place = self._get_variable_index(variable)
        if place in self._places:
            number = self._places.index(place)
            edges = self._plan.variables[number]
            self._step_weights(
                *gradient, variable, edges, self._decays[place], learning_rate
            )
        else:
            self.inner.update_step(gradient, variable, learning_rate)

    def _step_values(self, flow, values, error, learning_rate):
        values = values / self.unit
        step = self._inner_step(flow / values, self._ratios, learning_rate)
        ratios = 1 - step / values
        if self.inner.weight_decay:
            decay = ops.cast(learning_rate, ratios.dtype)
            ratios = ratios - decay * self.inner.weight_decay
        kept = ops.clip(ratios, *self.ratio_range)
        is_group = np.arange(len(self.skeleton.leader)) > 0
        is_clipped = ops.logical_and(ops.not_equal(kept, ratios), is_group)
        self.assign(self._ratios, ops.where(is_group, kept, 1))
        self.assign_add(
            self.clip_count, ops.sum(ops.cast(is_clipped, "float32"))
        )
        self.assign(self.conservation_error, error)

    def _step_weights(
        self, gradient, prefix, suffix, variable, edges, decay, learning_rate
    ):
        per_path = path_step.per_path(prefix, suffix, edges, self.unit)
        step = self._inner_step(gradient * per_path, variable, learning_rate)
        ratios = ops.convert_to_tensor(self._ratios)
        old = new = self._in_math(variable)
        if decay:
            new = old * (1 - decay * ops.cast(learning_rate, old.dtype))
        source = 1.0
        if edges.source is not None:
            source = ops.take(ratios, edges.source)
        new = basis_paths.allocated_weights(
            new, self._in_math(step), per_path, source
        )
        if len(edges.entries):
            new = path_step.with_skeleton(new, old, ratios, edges)
        self.assign(variable, ops.cast(new, variable.dtype))

    def _inner_step(self, gradient, variable, learning_rate):
        """What the inner optimizer would subtract from the variable."""
        with inner_steps.caught(self.inner, variable) as steps:
            self.inner.update_step(gradient, variable, learning_rate)
        step, sign = inner_steps.only_step(self.inner, steps)
        return step if sign > 0 else -step

    def get_config(self) -> dict[str, Any]:
        """Returns what makes the same optimizer, without the model."""
        config = super().get_config()
        for refused in ec_opt_rules.DEMANDS.refused_options:
            del config[refused]
        config.update(
            inner=inner_optimizer.to_config(self.inner),
            graph=self.graph.get_config(),
            skeleton=self.skeleton.get_config(),
            unit=self.unit,
            ratio_range=list(self.ratio_range),
            comparable_rate=self.comparable_rate,
        )
        return config


def _graph_of(model, graph, unit):
    is_new = model is not None and graph is None
    is_loaded = model is None and graph is not None and unit is not None
    if not (is_new or is_loaded):
        raise ValueError(
            "ECOpt needs the model that it will train, as ECOpt(inner, model), "
            "or for loading its `graph` and `unit`; one of the two. Received: "
            f"model={model!r}, graph={graph!r}, unit={unit!r}."
        )
    if model is None:
        if isinstance(graph, Mapping):
            return scale_groups.ScaleGraph.from_config(graph)
        return graph
    graph = scale_groups.scale_graph(model)
    ec_opt_rules.check_groups(graph, model.name)
    ec_opt_rules.check_weights(model.trainable_variables, graph)
    return graph


def _skeleton_of(graph, skeleton, model):
    if isinstance(skeleton, Mapping):
        return basis_paths.Skeleton.from_config(skeleton)
    if isinstance(skeleton, basis_paths.Skeleton):
        return skeleton
    if skeleton not in skeletons.POLICIES or model is None:
        raise ValueError(
            f"`skeleton` must be one of {skeletons.POLICIES} with a model, or "
            f"a `basis_paths.Skeleton`. Received: skeleton={skeleton!r}, "
            f"model={model!r}."
        )
    weights = None
    if skeleton == "max_product":
        weights = skeletons.weights_of(graph, model.trainable_variables)
    return skeletons.choose(graph, skeleton, weights)
