"""A throw-away server with systemd, in a world of its own, for the playbooks to be tried on.

    with world() as outside, outside.host("clinic") as host:
        host.boot()
        host.exec("systemctl", "is-system-running")
        played = Controller(host).play("site.yml", tags=("firewall",))
        assert played.changed == 0

A host is systemd-nspawn on an overlay over a base root that is built once (`base`).  Its world is a network of its own
with an operator's LAN and a pretend Internet, in which every address on earth answers: that something is blocked proves
nothing where nobody would have answered.  Everything lives in namespaces that end with the test run, however it ends;
what stays on disk is cleared by the next run.  Needs root.
"""

from tests.support.target_host.controller import Controller, Played, Task
from tests.support.target_host.host import Done, Layer, TargetHost
from tests.support.target_host.reason import reason_to_skip
from tests.support.target_host.world import World, world

__all__ = ["Controller", "Done", "Layer", "Played", "TargetHost", "Task", "World", "reason_to_skip", "world"]
