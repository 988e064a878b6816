"""The CDK app: `python -m infra.app`. One stack for the stage that `-c stage=` names."""

from __future__ import annotations

import os
import sys

import aws_cdk as cdk

from litellm_fallback_router.routing.errors import ConfigurationError

from .bytecode import InterpreterMissingError
from .chain import load_chain
from .concerns import concerns
from .function import snapstart_in
from .gateway_stack import GatewayStack
from .lambda_package import SOURCES, BuildError, build_package
from .package_checks import UnfitPackageError
from .pruning import StaleListError
from .stage import load_stage

REGION = "CDK_DEFAULT_REGION"
"""Set by CDK's command line: the Region of the credentials, where the stack is deployed."""
AUTHORIZER = SOURCES / "authorizer.py"


def main() -> None:
    """Synthesize. Exits with 1 and every mistake in the settings, or why the package could not be built."""
    app = cdk.App()
    try:
        stage = load_stage(app.node.get_all_context())
        regions = stage.regions or (os.environ.get(REGION),)
        config = load_chain(stage.mapping, stage.prompts_named, stage.guardrail_named)
        # Building the package takes a while; what the stack would refuse is said before.
        for region in regions:
            snapstart_in(region, stage)
            concerns(stage, config, region)
        package = build_package(stage.arch, mapping=stage.mapping, progress=_say)
        tools = None
        if stage.agentcore:
            tools = build_package(stage.arch, mapping=stage.mapping, agent_tools=True, progress=_say)
        stacks = [
            GatewayStack(
                app,
                stage.stack_name if number == 0 else f"{stage.stack_name}-{region}",
                stage=stage,
                config=config,
                package=package,
                tools=tools,
                authorizer=AUTHORIZER,
                region=region,
            )
            for number, region in enumerate(regions)
        ]
        for second in stacks[1:]:
            second.add_dependency(stacks[0])  # which makes its copies of the table and the secrets
    except ConfigurationError as error:
        sys.exit(str(error))
    except (BuildError, InterpreterMissingError, StaleListError, UnfitPackageError) as error:
        sys.exit(f"The Lambda package was not built: {error}")
    app.synth()


def _say(step: str) -> None:
    sys.stderr.write(f"package: {step}\n")


if __name__ == "__main__":
    main()
