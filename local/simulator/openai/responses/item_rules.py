"""What OpenAI refuses of input items, beyond the form of each."""

from collections.abc import Sequence

from local.simulator.openai.errors import error_reply, refuse
from local.simulator.openai.responses import items
from local.simulator.openai.responses.sealing import check_seal
from local.simulator.openai.responses.store import Store
from local.simulator.provider import ApiError

_PREFIXES = {
    "reasoning": "rs",
    "function_call": "fc",
    "custom_tool_call": "ctc",
    "message": "msg",
}
_CALLS = (items.FunctionCall, items.CustomToolCall)
_OUTPUTS = (items.FunctionCallOutput, items.CustomToolCallOutput)


def check_items(given: Sequence[items.AnyItem], before: Sequence[items.AnyItem], store: Store, owner: str) -> None:
    """Raises ApiError. `before`: the items of the previous response, which `given` goes on from."""
    seen: set[str] = set()
    for index, item in enumerate(given):
        _check_id(item, index, seen)
        if isinstance(item, items.ReasoningItem):
            _check_thought(item, store, owner)
    _check_followers(given)
    _check_leaders(given, store, owner)
    _check_calls([*before, *given])


def _check_id(item: items.AnyItem, index: int, seen: set[str]) -> None:
    item_id = getattr(item, "id", None)
    if item_id is None or isinstance(item, items.ItemReference):
        return
    kind = "message" if isinstance(item, items.OutputMessage) else getattr(item, "type", None)
    prefix = None if isinstance(item, items.InputMessage) else _PREFIXES.get(str(kind))
    # Source: jlcodes99/cockpit-tools issue 2090.
    if prefix and not item_id.startswith(prefix):
        text = f"Invalid 'input[{index}].id': '{item_id}'. Expected an ID that begins with '{prefix}'."
        raise refuse(text, code="invalid_value", param=f"input[{index}].id")
    # Sources: continuedev/continue issue 10723, microsoft/vscode issue 321977.
    if item_id in seen:
        text = f"Duplicate item found with id {item_id}. Remove duplicate items from your input and try again."
        raise refuse(text, param="input")
    seen.add(item_id)


def _check_thought(item: items.ReasoningItem, store: Store, owner: str) -> None:
    if item.encrypted_content is not None:
        return check_seal(item.encrypted_content, owner, item.id)
    # Without its encrypted content an item is only a name of what was stored.
    if item.id and store.item(item.id, owner) is None:
        raise not_stored(item.id)
    return None


def not_stored(item_id: str) -> ApiError:
    # Sources: continuedev/continue issue 9101 (text), can1357/oh-my-pi issue 41 (status).
    text = (
        f"Item with id '{item_id}' not found. Items are not persisted when `store` is set to false. Try again with "
        "`store` set to true, or remove this item from your input."
    )
    return ApiError(error_reply(404, text, param="input"))


def _check_followers(given: Sequence[items.AnyItem]) -> None:
    """A named thought is followed by what the model did after it.

    Sources: continuedev/continue issue 8933 (text); openai/openai-node issue 1567 (a stored thought, followed by a
    message that has lost its id). Thoughts without an id, as Codex sends them, may stand alone.
    """
    for index, item in enumerate(given):
        if not isinstance(item, items.ReasoningItem) or not item.id:
            continue
        following = given[index + 1] if index + 1 < len(given) else None
        lost = isinstance(following, items.OutputMessage) and not (following.id or item.encrypted_content)
        if following is None or isinstance(following, (items.InputMessage, *_OUTPUTS)) or lost:
            text = f"Item '{item.id}' of type 'reasoning' was provided without its required following item."
            raise refuse(text, param="input")


def _check_leaders(given: Sequence[items.AnyItem], store: Store, owner: str) -> None:
    # Source: mastra-ai/mastra issue 8738; laravel/ai pull request 1052 (a call without its id needs no thought).
    ids = {getattr(item, "id", None) for item in given}
    for item in given:
        if not isinstance(item, (items.OutputMessage, *_CALLS)) or not item.id:
            continue
        thought = store.thought_before(item.id, owner)
        if thought and thought not in ids:
            text = (
                f"Item '{item.id}' of type '{item.type or 'message'}' was provided without its required 'reasoning' "
                f"item: '{thought}'."
            )
            raise refuse(text, param="input")


def _check_calls(said: Sequence[items.AnyItem]) -> None:
    """Each result follows its call, and each call has a result."""
    waiting: list[str] = []
    known: set[str] = set()
    for item in said:
        if isinstance(item, _CALLS):
            waiting.append(item.call_id)
            known.add(item.call_id)
        elif isinstance(item, _OUTPUTS):
            # Sources: continuedev/continue issue 10092, microsoft/vscode issue 320060.
            if item.call_id not in known:
                kind = "function" if isinstance(item, items.FunctionCallOutput) else "custom tool"
                text = f"No tool call found for {kind} call output with call_id {item.call_id}."
                raise refuse(text, param="input")
            waiting = [call_id for call_id in waiting if call_id != item.call_id]
    # Source: router-for-me/CLIProxyAPI issue 2368.
    if waiting:
        raise refuse(f"No tool output found for function call {waiting[0]}.", param="input")
