"""Functions of fixed shapes as CUDA graphs: hundreds of small kernels, queued with one call. Knows only torch."""

from parkour.cuda_graphs.cuda_graph import CudaGraph, Graph
from parkour.cuda_graphs.step_graphs import StepGraphs, graphs_on

__all__ = ["CudaGraph", "Graph", "StepGraphs", "graphs_on"]
