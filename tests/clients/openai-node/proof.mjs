// OpenAI's client for JavaScript: chat completions, responses, embeddings.
import OpenAI from "openai";
import { asked, COUNT, COUNTED, fault, GATEWAY, PNG, proves, raisesOnce, same } from "./prover.mjs";

const client = new OpenAI({ baseURL: `${GATEWAY}/v1`, apiKey: "any", timeout: 30_000 });
const model = "gpt-4o";
const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const image = `data:image/png;base64,${PNG}`;
const isOwn = (error) => error instanceof OpenAI.APIError;
const SCHEMA = { ...parameters, additionalProperties: false };

const CHAT = "chat completions";
const ask = (content, more = {}) =>
  client.chat.completions.create({ model, messages: [{ role: "user", content }], ...more });

async function streamed() {
  let text = "";
  for await (const chunk of await ask(COUNT, { stream: true })) text += chunk.choices[0]?.delta.content ?? "";
  return text;
}

await proves("chat", CHAT, async () => {
  const told = await ask("What is the capital of France?");
  same(told.choices[0].message.content, "Paris is the capital of France.");
});
await proves("stream", CHAT, async () => same(await streamed(), COUNTED));
await proves("tools", CHAT, async () => {
  const runner = client.chat.completions.runTools({
    model,
    messages: [{ role: "user", content: "What is the weather in Oslo?" }],
    tools: [
      {
        type: "function",
        function: {
          name: "get_weather",
          description: "The weather in a city.",
          parameters,
          parse: JSON.parse,
          function: ({ city }) => `rain in ${city}`,
        },
      },
    ],
  });
  same((await runner.finalContent()).includes("rain in Oslo"), true);
});
await proves("structured", CHAT, async () => {
  const json_schema = { name: "capital", strict: true, schema: SCHEMA };
  const told = await ask("What is the capital of France?", { response_format: { type: "json_schema", json_schema } });
  same(Object.keys(JSON.parse(told.choices[0].message.content)).join(), "city");
});
await proves("images", CHAT, async () => {
  const told = await ask([{ type: "image_url", image_url: { url: image } }, { type: "text", text: COUNT }]);
  same(told.choices[0].message.content, COUNTED);
});
await proves("fallback", CHAT, async () => {
  await fault("status", "openai", { status: 503 });
  const told = await ask(COUNT);
  same(told.choices[0].message.content, COUNTED);
  same(told.model, "claude-sonnet-4-6");
});
await proves("resume", CHAT, async () => {
  await fault("cut", "openai", { after_chunks: 9 });
  same(await streamed(), COUNTED);
  same((await asked()).join(), "gpt-4o,claude-sonnet-4-6");
});
await proves("exhausted", CHAT, () => raisesOnce(isOwn, () => ask(COUNT)));
await proves("embeddings", CHAT, async () => {
  const told = await client.embeddings.create({ model: "text-embedding-3-small", input: ["one", "two"] });
  same(told.data.length, 2);
});

const RESPONSES = "responses";
const respond = (input, more = {}) => client.responses.create({ model, input, ...more });

async function responseStreamed() {
  const events = client.responses.stream({ model, input: COUNT });
  return (await events.finalResponse()).output_text;
}

await proves("chat", RESPONSES, async () => {
  same((await respond("What is the capital of France?")).output_text, "Paris is the capital of France.");
});
await proves("stream", RESPONSES, async () => same(await responseStreamed(), COUNTED));
await proves("tools", RESPONSES, async () => {
  const tools = [{ type: "function", name: "get_weather", parameters, strict: false }];
  const question = { role: "user", content: "What is the weather in Oslo?" };
  const first = await respond([question], { tools, store: false });
  const call = first.output.find((item) => item.type === "function_call");
  const result = { type: "function_call_output", call_id: call.call_id, output: "rain in Oslo" };
  const told = await respond([question, ...first.output, result], { tools, store: false });
  same(told.output_text.includes("rain in Oslo"), true);
});
await proves("structured", RESPONSES, async () => {
  const format = { type: "json_schema", name: "capital", strict: true, schema: SCHEMA };
  const told = await respond("What is the capital of France?", { text: { format } });
  same(Object.keys(JSON.parse(told.output_text)).join(), "city");
});
await proves("images", RESPONSES, async () => {
  const content = [{ type: "input_image", image_url: image, detail: "auto" }, { type: "input_text", text: COUNT }];
  same((await respond([{ role: "user", content }])).output_text, COUNTED);
});
await proves("thinking", RESPONSES, async () => {
  const reasoning = { effort: "low", summary: "auto" };
  const told = await respond(COUNT, { model: "gpt-5.4-mini", reasoning, store: false });
  same(told.output[0].type, "reasoning");
});
await proves("fallback", RESPONSES, async () => {
  await fault("status", "openai", { status: 503 });
  const told = await respond(COUNT);
  same(told.output_text, COUNTED);
  same(told.model, "claude-sonnet-4-6");
});
await proves("resume", RESPONSES, async () => {
  await fault("cut", "openai", { after_chunks: 9 });
  same(await responseStreamed(), COUNTED);
  same((await asked()).join(), "gpt-4o,claude-sonnet-4-6");
});
await proves("exhausted", RESPONSES, () => raisesOnce(isOwn, () => respond(COUNT)));
