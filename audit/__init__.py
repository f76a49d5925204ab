"""The audit trail, on its own: nothing here imports `appliance`, so an auditor can run it alone."""
