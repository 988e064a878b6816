"use strict";

const KEPT = 200;
const RETRY_MS = 2000;
const SILENT_MS = 40000; // the gateway says something every 15 s
const DRAW_MS = 100; // however many events come
const byId = (id) => document.getElementById(id);
const requests = new Map(); // request id -> event, the oldest first
let chosen = null;
let key = null;

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function svg(tag, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

const usd = (value) => (value === null || value === undefined ? "?" : `$${value.toFixed(6)}`);
const seconds = (value) => (value === null || value === undefined ? "" : value < 1 ? `${Math.round(value * 1000)} ms` : `${value.toFixed(2)} s`);
const clock = (unix) => new Date(unix * 1000).toLocaleTimeString();

function showChains(data) {
  const place = byId("chains");
  place.replaceChildren();
  for (const [name, groups] of Object.entries(data.chains)) {
    const row = element("div", "chain");
    row.append(element("div", "name", name));
    groups.forEach((group, position) => {
      if (position) row.append(element("span", "arrow", "→"));
      const members = element("div", "group");
      for (const id of group) {
        const box = element("div", "deployment");
        box.dataset.id = id;
        box.append(element("div", "id", id), element("div", "facts", ""));
        members.append(box);
      }
      row.append(members);
    });
    place.append(row);
  }
}

const LOOKS = { ready: "ready", cooling: "waiting", circuit_open: "waiting", rpm: "waiting" };

function showState(state) {
  for (const one of state.deployments) {
    const facts = [one.state === "ready" ? "" : one.state.replaceAll("_", " "), one.first_token !== null ? `first token ${seconds(one.first_token)}` : "",
      one.answer !== null ? `answer ${seconds(one.answer)}` : "", one.rpm_left !== null ? `${one.rpm_left} of ${one.rpm} rpm left` : ""];
    if (one.last_failure) facts.push(`failed ${clock(one.last_failure.at)}: ${one.last_failure.kind.replaceAll("_", " ")}`);
    for (const box of document.querySelectorAll(`.deployment[data-id="${CSS.escape(one.id)}"]`)) {
      box.classList.remove("ready", "waiting", "out");
      box.classList.add(LOOKS[one.state] || "out");
      box.title = one.reason;
      box.querySelector(".facts").textContent = facts.filter(Boolean).join(" · ");
    }
  }
  showTrouble(state.deployments);
  const totals = byId("totals");
  totals.replaceChildren();
  const rows = [["requests", state.totals.requests], ["failed", state.totals.failed], ["fallbacks", state.totals.fallbacks],
    ["spent", usd(state.totals.usd)], ["wasted", usd(state.totals.wasted_usd)]];
  for (const [caller, spent] of Object.entries(state.totals.by_caller)) rows.push([caller, usd(spent)]);
  for (const [name, value] of rows) {
    const pair = element("div");
    pair.append(element("dt", "", name), element("dd", "", String(value)));
    totals.append(pair);
  }
}

function showTrouble(deployments) {
  const place = byId("trouble");
  const wrong = deployments.filter((one) => one.state !== "ready");
  const words = wrong.map((one) => `${one.id} (${one.state.replaceAll("_", " ")}${one.last_failure ? `, failed ${clock(one.last_failure.at)}: ${one.last_failure.kind.replaceAll("_", " ")}` : ""})`);
  const text = wrong.length ? `${wrong.length} of ${deployments.length} not ready: ${words.join(", ")}` : `All ${deployments.length} deployments are ready.`;
  if (place.textContent !== text) place.textContent = text; // said again to who cannot see it only where it changed
  place.classList.toggle("lost", wrong.length > 0);
}

function flash(attempt) {
  const outcome = attempt.outcome === "answered" ? "answered" : "failed";
  for (const box of document.querySelectorAll(`.deployment[data-id="${CSS.escape(attempt.deployment)}"]`)) {
    box.classList.remove("answered", "failed");
    box.classList.add(outcome);
    setTimeout(() => box.classList.remove(outcome), 800);
  }
}

function addRequest(event) {
  requests.delete(event.request_id);
  requests.set(event.request_id, event);
  const list = byId("requests");
  byId(`request-${event.request_id}`)?.remove();
  const row = element("li");
  row.id = `request-${event.request_id}`;
  row.setAttribute("role", "option");
  row.dataset.id = event.request_id;
  row.setAttribute("aria-selected", "false");
  const mood = event.code === "caller_left" ? "idle" : event.status !== 200 ? "bad" : event.fallback ? "warn" : "good";
  const failed = event.ledger.attempts.filter((attempt) => attempt.outcome !== "answered").length;
  const answered = event.provider
    ? `${event.asked} → ${event.provider}` : `${event.asked}: ${event.code.replaceAll("_", " ")}`;
  row.append(element("span", "", clock(event.at)), element("span", mood, String(event.status)),
    element("span", "failed", failed ? `${failed} failed` : event.fallback ? "fallback" : ""), element("span", "", answered), element("span", "usd", usd(event.ledger.cost_usd)));
  row.title = answered;
  list.prepend(row);
  while (requests.size > KEPT) {
    const [oldest] = requests.keys();
    requests.delete(oldest);
    byId(`request-${oldest}`)?.remove();
  }
  if (chosen === event.request_id) choose(chosen);
}

function choose(id) {
  chosen = id;
  const list = byId("requests");
  for (const row of list.children) row.setAttribute("aria-selected", String(row.dataset.id === id));
  const row = byId(`request-${id}`);
  list.setAttribute("aria-activedescendant", row ? row.id : "");
  row?.scrollIntoView({ block: "nearest" });
  showLedger(requests.get(id));
}

function showLedger(event) {
  const place = byId("ledger");
  place.replaceChildren();
  if (!event) return;
  const ledger = event.ledger;
  const total = Math.max(ledger.seconds, 0.001);
  const facts = `${event.asked}, ${seconds(ledger.seconds)}, ${usd(ledger.cost_usd)} spent, ${usd(ledger.wasted_usd)} wasted`;
  place.append(element("p", "hint", event.caller ? `${facts}, caller ${event.caller}` : facts));
  for (const attempt of ledger.attempts) {
    const good = attempt.outcome === "answered";
    const block = element("div", "attempt");
    const said = element("div", "said");
    said.append(element("strong", "", `${attempt.number}. ${attempt.deployment}`), element("span", good ? "good" : "bad", attempt.outcome.replaceAll("_", " ")),
      element("span", "", seconds(attempt.seconds)), element("span", "", attempt.cost_usd === null ? "" : usd(attempt.cost_usd)));
    const bar = svg("svg", { viewBox: "0 0 1000 12", preserveAspectRatio: "none", role: "img",
      "aria-label": `from ${seconds(attempt.started)}, ${seconds(attempt.seconds)} long` });
    const from = (1000 * attempt.started) / total;
    bar.append(svg("rect", { class: "track", x: 0, y: 4, width: 1000, height: 4 }),
      svg("rect", { class: good ? "bar-good" : "bar-bad", x: from, y: 1, width: Math.max(2, (1000 * attempt.seconds) / total), height: 10 }));
    if (attempt.first_token_seconds !== null) {
      bar.append(svg("rect", { class: "first", x: from + (1000 * attempt.first_token_seconds) / total, y: 0, width: 3, height: 12 }));
    }
    block.append(said, bar);
    if (attempt.reason) block.append(element("div", "reason", attempt.reason));
    place.append(block);
  }
  if (ledger.dropped.length) {
    const table = element("table");
    table.append(element("caption", "hint", "Not asked"));
    for (const drop of ledger.dropped) {
      const row = element("tr");
      row.append(element("th", "", drop.deployment), element("td", "", drop.reason));
      table.append(row);
    }
    place.append(table);
  }
}

// What came since the page was last drawn: of many requests only those that stay are.
const waiting = { requests: new Map(), attempts: new Map(), timer: null };

function later(kind, id, event) {
  const events = waiting[kind];
  events.delete(id);
  events.set(id, event);
  if (events.size > KEPT) events.delete(events.keys().next().value);
  waiting.timer ??= setTimeout(draw, DRAW_MS);
}

function draw() {
  waiting.timer = null;
  for (const attempt of waiting.attempts.values()) flash(attempt);
  for (const event of waiting.requests.values()) addRequest(event);
  waiting.attempts.clear();
  waiting.requests.clear();
}

const ON = { chains: showChains, state: showState, request: (event) => later("requests", event.request_id, event),
  attempt: (event) => later("attempts", event.deployment, event), refused: (data) => say(data.reason, true) };

function say(text, lost) {
  const place = byId("connection");
  place.textContent = text;
  place.classList.toggle("lost", Boolean(lost));
  document.body.classList.toggle("stale", Boolean(lost)); // what is shown may not be so any more
}

async function connect() {
  const headers = key ? { authorization: `Bearer ${key}` } : {};
  const silence = new AbortController();
  let watch = setTimeout(() => silence.abort(), SILENT_MS);
  try {
    const response = await fetch("console/events", { headers, cache: "no-store", signal: silence.signal });
    if (response.status === 401 || response.status === 403) {
      byId("key").hidden = false;
      byId("key-text").focus();
      const refused = response.status === 403 && (await response.json().catch(() => null));
      say(refused?.error?.message || "this gateway asks for an operator's key", true);
      return false;
    }
    if (!response.ok) throw new Error(`status ${response.status}`);
    say("live");
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return true;
      clearTimeout(watch);
      watch = setTimeout(() => silence.abort(), SILENT_MS);
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const name = /^event: (.*)$/m.exec(block);
        const data = /^data: (.*)$/m.exec(block);
        if (name && data && ON[name[1]]) ON[name[1]](JSON.parse(data[1]));
      }
    }
  } finally {
    clearTimeout(watch);
  }
}

async function stay() {
  for (;;) {
    try {
      if (!(await connect())) return;
    } catch {
      // The gateway is away; what is shown stays until it is back.
    }
    say("not connected; trying again", true);
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

byId("key").addEventListener("submit", (event) => {
  event.preventDefault();
  key = byId("key-text").value.trim();
  byId("key").hidden = true;
  stay();
});
byId("requests").addEventListener("click", (event) => {
  const row = event.target.closest("li");
  if (row) choose(row.dataset.id);
});
byId("requests").addEventListener("keydown", (event) => {
  const rows = [...byId("requests").children];
  if (!rows.length) return;
  const now = rows.findIndex((row) => row.dataset.id === chosen);
  const moves = { ArrowDown: now + 1, ArrowUp: Math.max(now - 1, 0), Home: 0, End: rows.length - 1 };
  if (!(event.key in moves)) return;
  event.preventDefault();
  choose(rows[Math.min(moves[event.key], rows.length - 1)].dataset.id);
});
stay();
