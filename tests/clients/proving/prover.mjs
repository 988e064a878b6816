// What a client's proof in JavaScript is written with; see prover.py, which says the same in Python.
import { appendFileSync } from "node:fs";

export const GATEWAY = process.env.PROOF_GATEWAY;
const SIMULATOR = process.env.PROOF_SIMULATOR;
export const KEY = "sim-anthropic-key";
const MILLISECONDS = 90_000;
export const COUNT = "Count to 40";
export const COUNTED = Array.from({ length: 40 }, (_, index) => index + 1).join(", ") + ".";
export const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR4nGNwaDiAFTEMLQkAYvNgAXSglMMAAAAASUVORK5CYII=";

/** Run a proof and tell whether it went through. `face`: which of a client's sides it is. */
export async function proves(capability, face, proof) {
  await simulator("POST", "reset");
  let problem = null;
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not shown within ${MILLISECONDS / 1000} s`)), MILLISECONDS);
  });
  try {
    await Promise.race([proof(), late]);
  } catch (error) {
    problem = `${error?.name ?? "Error"}: ${error?.message ?? error}`;
  } finally {
    clearTimeout(timer);
  }
  appendFileSync(process.env.PROOF_RESULTS, JSON.stringify({ capability, face, problem, note: null }) + "\n");
}

/** From now on a provider misbehaves so; null: all of them. */
export async function fault(kind, provider = null, { times = null, ...fields } = {}) {
  await simulator("POST", "faults", { fault: { kind, ...fields }, provider, times });
}

/** The models that were asked for an answer since this proof began, in order. */
export async function asked() {
  return (await simulator("GET", "requests")).map((record) => record.model);
}

async function simulator(method, page, body) {
  const response = await fetch(`${SIMULATOR}/_sim/${page}`, {
    method,
    headers: { "content-type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`the simulator refused ${method} ${page}: ${await response.text()}`);
  return response.json();
}

export function same(found, expected) {
  if (found !== expected) throw new Error(`expected ${String(expected).slice(0, 60)}, got ${String(found).slice(0, 120)}`);
}

/** The call ends in the client's own error, after the chain was asked once. */
export async function raisesOnce(isOwn, call) {
  await fault("model_not_found");
  let raised;
  try {
    await call();
  } catch (error) {
    raised = error;
  }
  if (!raised || !isOwn(raised)) throw new Error(`not the client's own error: ${raised?.name}: ${raised?.message}`);
  const models = await asked();
  const different = new Set(models).size;
  if (models.length !== different) {
    throw new Error(`the chain of ${different} was asked ${models.length} times in all`);
  }
}
