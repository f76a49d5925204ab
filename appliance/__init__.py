"""The clinical inference appliance: policy, routing, PHI guard and gateway in front of a local model."""
