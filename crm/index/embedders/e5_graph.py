"""Builds the encoder of multilingual-e5-small as an ONNX graph, its weights still in 4 bits."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from crm.index.embedders.e5_file import BLOCK, E5File, scales_and_numbers

_FUSED = "com.microsoft"  # the operators that ONNX Runtime adds to the standard
_IR, _OPSET = 8, 17
# Activations are taken in 8 bits a block, as the package's own engine does it.
_EIGHT_BITS = 4


def build_encoder(file: E5File) -> bytes:
    """Return the serialised model: `embedded` (batch, tokens, width) in, `hidden` likewise out.

    `lengths` (batch) says how many tokens of each text are real.
    """
    from onnx import TensorProto, helper

    graph = _Graph(file)
    hidden = graph.normalize("embedded", "emb.ln", "start")
    for layer in range(file.layers):
        hidden = graph.layer(hidden, layer)
    graph.nodes[-1].output[0] = "hidden"
    shape = ["batch", "tokens", file.width]
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "e5",
            [
                helper.make_tensor_value_info("embedded", TensorProto.FLOAT, shape),
                helper.make_tensor_value_info("lengths", TensorProto.INT32, ["batch"]),
            ],
            [helper.make_tensor_value_info("hidden", TensorProto.FLOAT, shape)],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", _OPSET), helper.make_opsetid(_FUSED, 1)],
        ir_version=_IR,
    )
    serialised: bytes = model.SerializeToString()
    return serialised


class _Graph:
    def __init__(self, file: E5File) -> None:
        self._file = file
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def layer(self, hidden: str, number: int) -> str:
        """Add attention and feed-forward (Devlin et al., NAACL 2019), return the output's name."""
        file, at = self._file, f"l{number}."
        width = file.width
        mixed = self._product(hidden, [f"{at}q.w", f"{at}k.w", f"{at}v.w"], width, width)
        sizes = self._constant(f"{at}sizes", np.array([width] * 3, np.int64))
        parts = [f"{at}{name}" for name in ("query", "key", "value")]
        self._node("Split", [mixed, sizes], parts, axis=-1)
        bias = np.concatenate([file.plain(f"{at}{name}.b", width) for name in "qkv"])
        inputs = [*parts, self._constant(f"{at}qkv.b", bias), "lengths"]
        seen = self._fused("MultiHeadAttention", inputs, f"{at}seen", num_heads=file.heads)
        seen = self._product(seen, [f"{at}ao.w"], width, width)
        middle = self._add_and_normalize(seen, hidden, f"{at}ao.b", f"{at}aln")
        wide = self._product(middle, [f"{at}fi.w"], file.inner, width)
        bias_name = self._plain(f"{at}fi.b", file.inner)
        wide = self._fused("BiasGelu", [wide, bias_name], f"{at}wide")
        out = self._product(wide, [f"{at}fo.w"], width, file.inner)
        return self._add_and_normalize(out, middle, f"{at}fo.b", f"{at}oln")

    def normalize(self, hidden: str, weights: str, output: str) -> str:
        """Add a layer normalisation and return its output's name."""
        inputs = [hidden, *self._norm(weights)]
        self._node("LayerNormalization", inputs, [output], axis=-1, epsilon=self._file.epsilon)
        return output

    def _add_and_normalize(self, new: str, old: str, bias: str, weights: str) -> str:
        return self._fused(
            "SkipLayerNormalization",
            [new, old, *self._norm(weights), self._plain(bias, self._file.width)],
            f"{weights}.out",
            epsilon=self._file.epsilon,
        )

    def _product(self, hidden: str, weights: list[str], rows: int, columns: int) -> str:
        """Multiply with weights laid one under the other."""
        stored = [self._file.blocks(name, rows, columns) for name in weights]
        scales, numbers = scales_and_numbers(np.concatenate(stored))
        packed = numbers[..., 0::2] | (numbers[..., 1::2] << 4)
        return self._fused(
            "MatMulNBits",
            [
                hidden,
                self._constant(f"{weights[0]}.numbers", packed),
                self._constant(f"{weights[0]}.scales", scales.reshape(-1)),
            ],
            f"{weights[0]}.out",
            K=columns,
            N=rows * len(weights),
            bits=4,
            block_size=BLOCK,
            accuracy_level=_EIGHT_BITS,
        )

    def _norm(self, name: str) -> list[str]:
        return [self._plain(f"{name}.{part}", self._file.width) for part in "wb"]

    def _plain(self, name: str, size: int) -> str:
        return self._constant(name, self._file.plain(name, size))

    def _constant(self, name: str, values: NDArray[Any]) -> str:
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def _fused(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self._node(operator, inputs, [output], domain=_FUSED, **attributes)
        return output

    def _node(
        self, operator: str, inputs: list[str], outputs: list[str], **attributes: Any
    ) -> None:
        from onnx import helper

        self.nodes.append(helper.make_node(operator, inputs, outputs, **attributes))
