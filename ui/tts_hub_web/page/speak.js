// The page Speak: text in, sound out while it is made, each word lit when it sounds.

import { lines } from "./api.js";
import { catalogue, engineOf, onChange } from "./catalogue.js";
import { $, button, choices, make, save, seconds, toast } from "./dom.js";
import { build, read } from "./fields.js";
import { Player, samplesOf, wav } from "./player.js";
import { Reading } from "./reading.js";
import { Wave } from "./wave.js";

const RATE = 24_000;
const KEPT = 20;
const HISTORY = "tts-hub-history";
const STAGES = { queued: "waiting", loading: "loading", downloading: "downloading", generating: "at work", fallback: "" };

const state = { player: null, abort: null, audio: null, report: null, frame: 0 };
let reading;
let wave;

export function start() {
  reading = new Reading($("reading"));
  wave = new Wave($("wave"));
  $("speak-form").onsubmit = (event) => {
    event.preventDefault();
    speak();
  };
  $("stop").onclick = stop;
  $("edit").onclick = edit;
  $("again").onclick = replay;
  $("save-audio").onclick = () => save(state.audio, "speech.wav");
  $("save-captions").onclick = () => save(new Blob([reading.captions()], { type: "text/vtt" }), "speech.vtt");
  $("speed").oninput = () => { $("speed-value").textContent = Number($("speed").value).toFixed(2); };
  $("model").onchange = offer;
  $("text").onkeydown = (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) speak();
  };
  $("replay").onended = () => { settle("done"); };
  addEventListener("resize", () => draw());
  onChange(offer);
  showHistory();
}

// Offer the models that are ready, and what the chosen one can do.
function offer() {
  const ready = catalogue.engines.filter((engine) => engine.ready);
  const best = catalogue.auto ? `auto (${catalogue.auto})` : "auto";
  const models = ready.flatMap((engine) => engine.models.map((model) => ({ value: model, label: model })));
  choices($("model"), [{ value: "auto", label: best }, ...models]);
  const engine = engineOf($("model").value);
  const own = $("model").value === "auto" ? catalogue.voices : catalogue.voices.filter((voice) => voice.model === engine?.name);
  const rows = own.filter((voice) => !voice.id.includes(":")).map((voice) => ({
    value: voice.id,
    label: [voice.name, voice.language, voice.gender].filter(Boolean).join(" · "),
    group: $("model").value === "auto" ? voice.model : "",
  }));
  choices($("voice"), [{ value: "", label: "the usual one" }, ...rows]);
  const emotions = catalogue.emotions.map((emotion) => ({ value: emotion.full_name, label: emotion.full_name }));
  choices($("emotion"), [{ value: "", label: "none" }, ...emotions]);
  build($("options"), $("model").value === "auto" ? {} : engine?.options ?? {});
  $("more").hidden = !$("options").children.length;
}

function body(text) {
  const engine = engineOf($("model").value);
  const wanted = { input: text, model: $("model").value, speed: Number($("speed").value), progress: true };
  Object.assign(wanted, { response_format: "pcm", sample_rate: RATE });
  if ($("voice").value) wanted.voice = $("voice").value;
  if ($("emotion").value) wanted.emotion = $("emotion").value;
  const [character] = $("emotion").value.split(":");
  if (!wanted.voice && $("emotion").value.includes(":")) wanted.voice = character;
  const options = $("model").value === "auto" ? {} : read($("options"), engine?.options ?? {});
  if (Object.keys(options).length) wanted.options = options;
  return wanted;
}

async function speak() {
  const text = $("text").value;
  if (!text.trim()) {
    settle("Write something first.", true);
    $("text").focus();
    return;
  }
  stop();
  const player = new Player(RATE);
  const abort = new AbortController();
  const parts = [];
  Object.assign(state, { player, abort, audio: null, report: null });
  begin(text);
  player.onend = () => { if (state.player === player) finished(); };
  tick();
  try {
    for await (const line of lines("v1/audio/speech/captions", body(text), abort.signal)) {
      if (line.error) throw new Error(line.error.message);
      if (line.progress) tell(line.progress);
      if (line.words) reading.add(line.words);
      if (line.audio) {
        const samples = samplesOf(line.audio);
        parts.push(samples);
        wave.push(samples);
        player.push(samples);
      }
      if (line.done) state.report = line.done;
    }
    state.audio = wav(parts, RATE);
    $("replay").src = URL.createObjectURL(state.audio);
    remember(text);
    player.finish();
  } catch (error) {
    if (error.name === "AbortError" || state.player !== player) return;
    player.stop();
    leave();
    settle(error.message, true);
  }
}

function stop() {
  state.abort?.abort();
  state.player?.stop();
  $("replay").pause();
  if (state.player || !$("stop").hidden) {
    leave();
    settle("stopped");
  }
}

function begin(text) {
  reading.begin(text);
  wave.clear();
  $("text").hidden = true;
  $("reading").hidden = false;
  $("play").hidden = true;
  $("stop").hidden = false;
  for (const id of ["edit", "again", "save-audio", "save-captions"]) $(id).hidden = true;
  settle("asking the server");
}

// Back to buttons that start something.
function leave() {
  cancelAnimationFrame(state.frame);
  state.player = null;
  state.abort = null;
  reading.show(-1);
  $("play").hidden = false;
  $("stop").hidden = true;
  $("edit").hidden = false;
}

function finished() {
  leave();
  draw(1);
  for (const id of ["again", "save-audio", "save-captions"]) $(id).hidden = false;
  settle(summary(state.report));
}

function edit() {
  stop();
  $("text").hidden = false;
  $("reading").hidden = true;
  $("edit").hidden = true;
  $("text").focus();
}

function replay() {
  $("replay").currentTime = 0;
  $("replay").play();
  $("play").hidden = true;
  $("stop").hidden = false;
  tick();
}

function position() {
  return state.player ? state.player.position : $("replay").currentTime;
}

function tick() {
  const at = position();
  reading.show(at);
  draw();
  $("clock").textContent = seconds(at);
  const playing = state.player || !$("replay").paused;
  if (playing) state.frame = requestAnimationFrame(tick);
  else if (!$("stop").hidden) leave();
}

function draw(played = null) {
  const length = wave.length / RATE;
  wave.draw(played ?? (length ? position() / length : 0));
}

function tell(progress) {
  if (progress.stage === "notice" || progress.stage === "fallback") toast(progress.message);
  else if (progress.stage === "first_audio") settle(`speaking, first sound after ${Math.round(progress.elapsed_seconds * 1000)} ms`);
  else if (progress.stage in STAGES && !state.player?.length) settle([STAGES[progress.stage], progress.backend].filter(Boolean).join(": "));
}

function summary(report) {
  const who = report.emotion ? `${report.voice}, ${report.emotion}` : report.voice;
  const ignored = report.ignored?.length ? `; ${report.backend} has no use for ${report.ignored.join(", ")}` : "";
  return `${report.audio_seconds.toFixed(1)} s by ${report.backend} (${who})${ignored}`;
}

function settle(text, bad = false) {
  $("progress").textContent = text;
  $("progress").classList.toggle("bad", bad);
}

function history() {
  try {
    return JSON.parse(localStorage.getItem(HISTORY)) ?? [];
  } catch {
    return [];
  }
}

function remember(text) {
  const entry = { text, model: $("model").value, voice: $("voice").value, emotion: $("emotion").value };
  const others = history().filter((old) => old.text !== text);
  localStorage.setItem(HISTORY, JSON.stringify([entry, ...others].slice(0, KEPT)));
  showHistory();
}

function showHistory() {
  const entries = history();
  $("history-sheet").hidden = !entries.length;
  $("history").replaceChildren(...entries.map((entry) => {
    const facts = [entry.voice || entry.model, entry.emotion].filter(Boolean).join(", ");
    const again = button("Use", () => {
      edit();
      $("text").value = entry.text;
      $("model").value = entry.model;
      offer();
      $("voice").value = entry.voice;
      $("emotion").value = entry.emotion;
      scrollTo({ top: 0 });
    });
    again.setAttribute("aria-label", `Use the text “${entry.text.slice(0, 40)}”`);
    return make("li", {}, make("p", {}, entry.text), make("small", {}, facts), again);
  }));
}
