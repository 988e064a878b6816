"""What the router works with beside its function: tables, keys, and what its stage or its mapping adds."""

from __future__ import annotations

from aws_cdk import Stack

from litellm_fallback_router.routing.errors import ConfigurationError
from litellm_fallback_router.routing.mapping import RouterConfig, future_deployments, secret_providers

from .encryption import OwnKey
from .evaluations import Evaluations, judge_statements
from .governance import NewGuardrail, NewPrompt
from .provider_keys import ProviderKeys
from .stage import NEW, Stage
from .state import Forgetful, State, kept_answers, kept_responses


class RouterResources:
    """Makes them in `stack`. `region`: where it will be deployed, None where CDK does not know.

    Raises ConfigurationError where the mapping asks for something that the stage has no place for.
    """

    def __init__(self, stack: Stack, *, stage: Stage, config: RouterConfig, region: str | None) -> None:
        self.stack, self.stage, self.config = stack, stage, config
        # What it may ask, today or by a mapping that is pushed one day.
        self.deployments = (*config.deployments, *future_deployments(stage.models))
        self.key = OwnKey(stack, "Key", stage=stage, key=stage.kms_key) if stage.kms_key else None
        self.state = State(
            stack,
            "State",
            keep=stage.keeps_data,
            name=f"{stage.service}-state",
            regions=stage.regions,
            region=region,
        )
        self.responses = self._kept_responses()
        self.answers = self._kept_answers()
        self.keys = ProviderKeys(
            stack,
            "ProviderKeys",
            prefix=stage.service,
            providers=secret_providers(self.deployments),
            keep=stage.keeps_data,
            regions=stage.regions,
            region=region,
        )
        self.evaluations = self._evaluations()
        self.guardrail = NewGuardrail(stack, "Guardrail", name=stage.service) if stage.guardrail == NEW else None
        self.prompt = self._new_prompt() if NEW in stage.prompts else None

    @property
    def samples(self) -> Evaluations | None:
        """Where samples of fallbacks go; None: nobody takes any."""
        return self.evaluations if self.config.settings.sample_fallbacks else None

    def _kept_responses(self) -> Forgetful | None:
        kept = self.config.settings.responses_store
        if kept == "memory":
            raise ConfigurationError(["settings.responses_store: memory is no place on Lambda; take dynamodb"])
        return None if kept is None else kept_responses(self.stack, "Responses")

    def _kept_answers(self) -> Forgetful | None:
        rules = self.config.cache
        if rules is not None and rules.store == "memory":
            raise ConfigurationError(["cache.store: memory is no place on Lambda; take dynamodb"])
        return None if rules is None else kept_answers(self.stack, "Answers")

    def _evaluations(self) -> Evaluations | None:
        stage = self.stage
        if stage.evaluations is None:
            if self.config.settings.sample_fallbacks:
                raise ConfigurationError(["settings.sample_fallbacks: needs -c evaluations=new, or a bucket's name"])
            return None
        judge = judge_statements(self.stack, stage.evaluation_judge) if stage.evaluation_judge else []
        return Evaluations(self.stack, "Evaluations", bucket=stage.evaluations, judge=judge, keep=stage.keeps_data)

    def _new_prompt(self) -> NewPrompt:
        model = next((one.model for one in self.config.deployments if one.profile.bedrock and one.space is None), None)
        return NewPrompt(self.stack, "Prompt", name=self.stage.service, model=model)
