// The page Status: engines with what they need, downloads with progress, the server's figures over time.

import { get, key, lines, request } from "./api.js";
import { refresh } from "./catalogue.js";
import { $, button, bytes, make, toast } from "./dom.js";

const EVERY = 2_000;
const MOST_POINTS = 90;
const series = { first: [], factor: [], flight: [] };
const pulling = new Map();
let timer = null;
let last = null;

export function start() {
  $("forget-key").onclick = () => {
    key.forget();
    location.reload();
  };
}

export async function show() {
  $("forget-key").hidden = !key.get();
  await look();
  timer ??= setInterval(look, EVERY);
}

export function hide() {
  clearInterval(timer);
  timer = null;
}

async function look() {
  try {
    const [health, engines, metrics] = await Promise.all([
      fetchHealth(),
      get("v1/engines"),
      request("metrics").then((answer) => answer.text()),
    ]);
    facts(health);
    cards(engines.engines, health);
    charts(metrics);
  } catch (error) {
    hide();
    toast(error.message);
  }
}

// A server that cannot speak answers 503, with the same body.
async function fetchHealth() {
  const headers = key.get() ? { Authorization: `Bearer ${key.get()}` } : {};
  return (await fetch("health", { headers })).json();
}

function facts({ status, auto, statistics = {} }) {
  const up = statistics.uptime_seconds ?? 0;
  const rows = {
    Status: status,
    "Speaks with": auto ?? "nothing",
    Memory: statistics.memory_bytes ? bytes(statistics.memory_bytes) : "",
    "Up for": up < 3_600 ? `${Math.floor(up / 60)} min` : `${(up / 3_600).toFixed(1)} h`,
    Voices: statistics.voices,
    Emotions: statistics.emotions,
    Version: statistics.version,
    System: statistics.platform?.split("-")[0],
  };
  const shown = Object.entries(rows).filter(([, value]) => value !== undefined && value !== "");
  $("facts").replaceChildren(...shown.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, String(value)))));
}

function cards(engines, health) {
  const sorted = [...engines].sort((a, b) => Number(b.ready) - Number(a.ready));
  $("engine-cards").replaceChildren(...sorted.map((engine) => {
    const { state = "", active = 0, waiting = 0, device = "", dtype = "" } = health.engines[engine.name] ?? {};
    const work = engine.ready ? [state, active && `${active} at work`, waiting && `${waiting} waiting`, device, dtype] : ["not ready"];
    const missing = (engine.downloads ?? []).filter((files) => files.missing.length);
    const none = missing.length && missing.length === (engine.downloads ?? []).length;
    return make(
      "li",
      { className: "card" },
      make("h3", {}, engine.name),
      make("span", { className: `state ${engine.ready ? (state === "loading" || state === "stalled" ? state : "ready") : ""}` }, work.filter(Boolean).join(" · ")),
      make("p", {}, engine.description),
      engine.ready ? null : make("p", {}, engine.reason ?? ""),
      engine.remedy && !engine.ready ? make("p", {}, make("code", {}, engine.remedy)) : null,
      none ? download(missing[0]) : null,
    );
  }));
}

function download(files) {
  const running = pulling.get(files.model);
  if (running) return running;
  const size = files.size ? ` (${bytes(files.size)})` : "";
  const start = button(`Download ${files.model}${size}`, () => pull(files));
  return make("div", { className: "buttons" }, start);
}

async function pull(files) {
  const bar = make("progress", { max: 1, value: 0 });
  bar.setAttribute("aria-label", `Download of ${files.model}`);
  const abort = new AbortController();
  pulling.set(files.model, make("div", {}, bar, button("Stop", () => abort.abort(), "quiet")));
  await look();
  try {
    for await (const line of lines(`v1/models/${files.model}/pull`, {}, abort.signal)) {
      if (line.error) throw new Error(line.error.message);
      const { bytes: done, total_bytes: total } = line.progress ?? {};
      if (total) bar.value = done / total;
      if (line.done) toast(`${files.model} is here.`);
    }
  } catch (error) {
    if (error.name !== "AbortError") toast(error.message);
  } finally {
    pulling.delete(files.model);
    await refresh();
    await look();
  }
}

// Sums of a metric over its labels.
function total(text, name) {
  const found = text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? ([0-9.e+-]+)$`, "gm"));
  return [...found].reduce((sum, [, value]) => sum + Number(value), 0);
}

function charts(text) {
  const now = {};
  for (const name of ["tts_time_to_first_audio_seconds", "tts_real_time_factor"]) {
    now[name] = { sum: total(text, `${name}_sum`), count: total(text, `${name}_count`) };
  }
  const mean = (name) => {
    const before = last?.[name] ?? { sum: 0, count: 0 };
    const count = now[name].count - before.count;
    return count > 0 ? (now[name].sum - before.sum) / count : null;
  };
  const add = (points, value) => {
    points.push(value ?? points.at(-1) ?? 0);
    if (points.length > MOST_POINTS) points.shift();
  };
  add(series.first, mean("tts_time_to_first_audio_seconds"));
  add(series.factor, mean("tts_real_time_factor"));
  add(series.flight, total(text, "tts_requests_in_flight"));
  last = now;
  $("charts").replaceChildren(
    chart("First audio, mean of the latest requests", series.first, (value) => `${Math.round(value * 1000)} ms`),
    chart("Time to make a second of speech", series.factor, (value) => `${value.toFixed(2)} s`),
    chart("Requests being answered", series.flight, (value) => String(value)),
  );
}

function chart(title, points, text) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", `0 0 ${MOST_POINTS} 40`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  const top = Math.max(...points, 1e-9);
  path.setAttribute("d", points.map((value, at) => `${at ? "L" : "M"}${at} ${38 - (value / top) * 34}`).join(""));
  svg.append(path);
  return make("div", { className: "chart" }, make("h3", {}, title), make("strong", {}, text(points.at(-1))), svg);
}
