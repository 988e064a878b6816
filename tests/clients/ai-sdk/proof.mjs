// Vercel's AI SDK with its three ways here: OpenAI's responses (the default), OpenAI-compatible chats, Anthropic's messages.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, RetryError, embedMany, generateText, isStepCount, Output, streamText, tool } from "ai";
import { z } from "zod";
import { asked, COUNT, COUNTED, fault, GATEWAY, KEY, PNG, proves, raisesOnce, same } from "./prover.mjs";

const baseURL = `${GATEWAY}/v1`;
const openai = createOpenAI({ baseURL, apiKey: "any" });
const compatible = createOpenAICompatible({ name: "gateway", baseURL, apiKey: "any", supportsStructuredOutputs: true });
const anthropic = createAnthropic({ baseURL, apiKey: KEY });
const weather = tool({
  description: "The weather in a city.",
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => `rain in ${city}`,
});
const thinkingOptions = {
  openai: { reasoningEffort: "low", reasoningSummary: "auto", store: false },
  anthropic: { thinking: { type: "enabled", budgetTokens: 1024 } },
};

const CLAUDE = "claude-sonnet-4-6";
const NOVA = "us.amazon.nova-2-lite-v1:0";
const faces = [
  { face: "@ai-sdk/openai", primary: "openai", next: CLAUDE, model: openai("gpt-4o"), thinks: openai("gpt-5.4-mini") },
  { face: "@ai-sdk/openai-compatible", primary: "openai", next: CLAUDE, model: compatible("gpt-4o"), thinks: compatible(CLAUDE) },
  { face: "@ai-sdk/anthropic", primary: "anthropic", next: NOVA, model: anthropic(CLAUDE), thinks: anthropic(CLAUDE) },
];

async function streamed(model, prompt = COUNT) {
  let text = "";
  let failed;
  const result = streamText({ model, prompt, onError: ({ error }) => (failed = error) });
  for await (const piece of result.textStream) text += piece;
  if (failed) throw failed;
  return text;
}

for (const { face, primary, next, model, thinks } of faces) {
  await proves("chat", face, async () => {
    const { text } = await generateText({ model, prompt: "What is the capital of France?" });
    same(text, "Paris is the capital of France.");
  });
  await proves("stream", face, async () => same(await streamed(model), COUNTED));
  await proves("tools", face, async () => {
    const prompt = "What is the weather in Oslo?";
    const { text, steps } = await generateText({ model, prompt, tools: { weather }, stopWhen: isStepCount(3) });
    same(steps.length, 2);
    same(text.includes("rain in Oslo"), true);
  });
  await proves("structured", face, async () => {
    const schema = z.object({ city: z.string(), country: z.string() });
    const { output } = await generateText({ model, prompt: COUNT, output: Output.object({ schema }) });
    same(Object.keys(output).join(), "city,country");
  });
  await proves("images", face, async () => {
    const content = [{ type: "image", image: Buffer.from(PNG, "base64") }, { type: "text", text: COUNT }];
    same((await generateText({ model, messages: [{ role: "user", content }] })).text, COUNTED);
  });
  await proves("thinking", face, async () => {
    const providerOptions = { ...thinkingOptions, gateway: { reasoningEffort: "low" } };
    const { reasoningText } = await generateText({ model: thinks, prompt: COUNT, providerOptions });
    same(Boolean(reasoningText), true);
  });
  await proves("fallback", face, async () => {
    await fault("status", primary, { status: 503 });
    const { text, response } = await generateText({ model, prompt: COUNT });
    same(text, COUNTED);
    same(response.modelId, next);
  });
  await proves("resume", face, async () => {
    await fault("cut", primary, { after_chunks: 9 });
    same(await streamed(model), COUNTED);
    same((await asked()).length, 2);
  });
  await proves("exhausted", face, () =>
    raisesOnce(
      (error) => APICallError.isInstance(error) || RetryError.isInstance(error),
      () => generateText({ model, prompt: COUNT }),
    ),
  );
}

for (const { face, provider } of [
  { face: "@ai-sdk/openai", provider: openai },
  { face: "@ai-sdk/openai-compatible", provider: compatible },
]) {
  await proves("embeddings", face, async () => {
    const model = provider.embeddingModel("text-embedding-3-small");
    const { embeddings } = await embedMany({ model, values: ["one", "two"] });
    same(embeddings.length, 2);
  });
}
