"""Speaks each provider's wire format by the vendor's own SDK; where to, how much and how long is `broker.egress`."""
