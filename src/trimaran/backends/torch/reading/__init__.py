"""Somebody's own `nn.Module` as a description.

example -> graph (plain nodes of torch.export) -> patterns -> rules (one per operation; steps with
channels-last values) -> hierarchy (steps nested as the module nests them) -> verify.
"""
