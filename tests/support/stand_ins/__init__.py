"""Stand-ins of the managed APIs: each speaks one vendor's wire format over TLS on loopback; the SDKs judge it."""

from tests.support.stand_ins.behaviour import Behaviour
from tests.support.stand_ins.connection import Received
from tests.support.stand_ins.stand_in import StandIn

__all__ = ["Behaviour", "Received", "StandIn"]
