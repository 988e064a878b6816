// Anthropic's client for JavaScript: messages.
import Anthropic from "@anthropic-ai/sdk";
import { asked, COUNT, COUNTED, fault, GATEWAY, KEY, PNG, proves, raisesOnce, same } from "./prover.mjs";

const client = new Anthropic({ baseURL: GATEWAY, apiKey: KEY, timeout: 30_000 });
const model = "claude-sonnet-4-6";
const NEXT = "us.amazon.nova-2-lite-v1:0";
const schema = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};
const request = (content, more = {}) => ({ model, max_tokens: 2000, messages: [{ role: "user", content }], ...more });
const textOf = (message) => message.content.map((block) => (block.type === "text" ? block.text : "")).join("");
const streamed = (content, more) => client.messages.stream(request(content, more)).finalMessage();

await proves("chat", "", async () => {
  same(textOf(await client.messages.create(request("What is the capital of France?"))), "Paris is the capital of France.");
});
await proves("stream", "", async () => same(textOf(await streamed(COUNT)), COUNTED));
await proves("tools", "", async () => {
  const tools = [{ name: "get_weather", input_schema: schema }];
  const asking = request("What is the weather in Oslo?", { tools });
  const first = await client.messages.create(asking);
  const call = first.content.find((block) => block.type === "tool_use");
  same(call.input.city, "Oslo");
  const content = [{ type: "tool_result", tool_use_id: call.id, content: "rain in Oslo" }];
  asking.messages.push({ role: "assistant", content: first.content }, { role: "user", content });
  same(textOf(await client.messages.create(asking)).includes("rain in Oslo"), true);
});
await proves("structured", "", async () => {
  const output_config = { format: { type: "json_schema", schema } };
  const told = await client.messages.create(request("What is the capital of France?", { output_config }));
  same(Object.keys(JSON.parse(textOf(told))).join(), "city");
});
await proves("images", "", async () => {
  const image = { type: "image", source: { type: "base64", media_type: "image/png", data: PNG } };
  same(textOf(await client.messages.create(request([image, { type: "text", text: COUNT }]))), COUNTED);
});
await proves("thinking", "", async () => {
  const [thought] = (await streamed(COUNT, { thinking: { type: "enabled", budget_tokens: 1024 } })).content;
  same(thought.type, "thinking");
  same(Boolean(thought.signature), true);
});
await proves("count tokens", "", async () => {
  const { messages } = request(COUNT);
  same((await client.messages.countTokens({ model, messages })).input_tokens > 0, true);
});
await proves("fallback", "", async () => {
  await fault("status", "anthropic", { status: 529 });
  const told = await client.messages.create(request(COUNT));
  same(textOf(told), COUNTED);
  same(told.model, NEXT);
});
await proves("resume", "", async () => {
  await fault("cut", "anthropic", { after_chunks: 9 });
  same(textOf(await streamed(COUNT)), COUNTED);
  same((await asked()).join(), `${model},${NEXT}`);
});
await proves("exhausted", "", () =>
  raisesOnce(
    (error) => error instanceof Anthropic.APIError,
    () => client.messages.create(request(COUNT)),
  ),
);
