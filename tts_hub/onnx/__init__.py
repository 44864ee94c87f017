"""ONNX graphs for the engines that run them: inner tensors as outputs, sessions, calls that stop."""
