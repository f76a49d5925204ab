"""Give ONNX Runtime to the one module that needs it, with its telemetry off before it is loaded.

From version 1.29 on its Linux build reports to Microsoft as soon as it is imported: an uploader, a device id and a
cache in the user's home (microsoft/onnxruntime pull request 27379).  This variable, set before the import, keeps all of
them from being made; its own function `disable_telemetry_events` comes too late for the first event.  Nothing else may
import onnxruntime, or the switch could come after it.
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

__all__ = ["onnxruntime"]
