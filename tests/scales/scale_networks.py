"""All small networks with scales in them, and how many of these there are.

`NETWORKS` maps what is special about a model to a `network_cases.Case`: the
function that builds it, and the number of its groups, counted by hand.
"""

from tests.scales import layer_networks as _layers  # noqa: F401  (fills table)
from tests.scales import network_cases
from tests.scales import unit_networks as _units  # noqa: F401
from tests.scales import wired_networks as _wired  # noqa: F401

NETWORKS = network_cases.NETWORKS
chain = network_cases.chain
conv = network_cases.conv
head = network_cases.head
