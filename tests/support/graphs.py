"""The job's graph as Dataflow's runner would send it, and what is in it."""

from __future__ import annotations

import base64
import bz2
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from apache_beam.coders import Coder
from apache_beam.options.pipeline_options import TestOptions
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.dataflow.dataflow_runner import DataflowRunner
from apache_beam.runners.pipeline_context import PipelineContext

from pipeline.cli import main

FLAGS = (
    f"--runner={__name__}.Submission",
    *("--project=p", "--region=europe-west1", "--temp_location=gs://b/t", "--experiments=use_runner_v2"),
    *("--sdk_container_image=gcr.io/p/i:1", "--sdk_location=container"),
)


class Submission(DataflowRunner):
    """Dataflow's runner up to where it would call the service."""

    graphs: ClassVar[list[Any]] = []

    def run_pipeline(self, pipeline: Any, options: Any, pipeline_proto: Any = None) -> Any:
        options.view_as(TestOptions).dry_run = True
        result = super().run_pipeline(pipeline, options, pipeline_proto)
        self.graphs.append(result.job.proto_pipeline)
        return result


class Graph:
    """A submitted graph."""

    def __init__(self, proto: Any) -> None:
        self.proto = proto
        self.serialized: bytes = proto.SerializeToString()
        self._components = proto.components
        self._coders = PipelineContext(proto.components).coders

    def steps(self, *kinds: str) -> dict[str, Any]:
        """The steps of these kinds (``group_by_key``), by their names."""
        urns = {f"beam:transform:{kind}:v1" for kind in kinds}
        return {step.unique_name: step for step in self._components.transforms.values() if step.spec.urn in urns}

    def input_coder(self, step: Any) -> Coder:
        """The coder of a step's only input."""
        (name,) = step.inputs.values()
        return self._coders[self._components.pcollections[name].coder_id]

    def output_coders(self) -> dict[str, Coder]:
        """The coders of all that passes between steps, by the names of the steps that make it and of their outputs."""
        return {
            f"{step.unique_name} {tag}": self._coders[self._components.pcollections[name].coder_id]
            for step in self._components.transforms.values()
            for tag, name in step.outputs.items()
            if not step.subtransforms
        }

    def side_inputs(self) -> dict[str, set[str]]:
        """The names of the steps that make side inputs, by the names of those that read them."""
        made_by = {name: step.unique_name for step in self._components.transforms.values() for name in step.outputs.values()}
        # a composite's output is its last part's, too: the shortest name says what it is
        for step in sorted(self._components.transforms.values(), key=lambda step: -len(step.unique_name)):
            made_by |= dict.fromkeys(step.outputs.values(), step.unique_name)
        found = {}
        for name, step in self.steps("pardo").items():
            payload = beam_runner_api_pb2.ParDoPayload.FromString(step.spec.payload)
            if payload.side_inputs:
                found[name] = {made_by[step.inputs[tag]] for tag in payload.side_inputs}
        return found

    def pickles(self) -> list[bytes]:
        """What was pickled into the graph, unpacked: functions and coders."""
        return list(_unpacked(self.serialized))


def _unpacked(blob: bytes) -> Iterator[bytes]:
    """Beam compresses pickles by bz2 or zlib and writes them in base64; one may hold others."""
    for match in _PACKED.finditer(blob):
        text = match.group(1)
        # what follows a pickle without padding may look like base64, too: decompressors know where they end
        packed = base64.b64decode(text[: len(text) // 4 * 4])
        unpacker = bz2.BZ2Decompressor() if packed.startswith(b"BZh") else zlib.decompressobj()
        try:
            content: bytes = unpacker.decompress(packed)
        except (OSError, zlib.error):
            continue
        yield content
        yield from _unpacked(content)


#: base64 of "BZh9" and of zlib's two bytes for its best compression
_PACKED = re.compile(rb"(?=((?:Qlpo|eN[oprtqsu])[A-Za-z0-9+/]{12,}))")


def submitted(archive: Path | list[Path], output: Path, key: Path, *arguments: str) -> Graph:
    """The graph of ``dicom-deid run`` for Dataflow."""
    inputs = [f"--input={path}" for path in (archive if isinstance(archive, list) else [archive])]
    command = ["run", *inputs, f"--output={output}", f"--key=file:{key}", "--detach", *FLAGS, *arguments]
    main(command, standalone_mode=False)
    return Graph(Submission.graphs.pop())
