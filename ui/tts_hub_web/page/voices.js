// The page Voices: your own voices as cards, made, changed, heard, handed on and removed.

import { get, request, send } from "./api.js";
import { catalogue, refresh } from "./catalogue.js";
import { chosen, clearClip, startClip } from "./clip.js";
import { $, button, make, save, toast } from "./dom.js";
import { play, recordings } from "./recordings.js";

let changed = null; // the voice that the dialog changes; null: a new one

export function start() {
  startClip();
  $("new-voice").onclick = () => open(null);
  $("voice-dialog").onclose = clearClip;
  $("voice-form").onsubmit = (event) => {
    event.preventDefault();
    store();
  };
}

export async function show() {
  const { data } = await get("v1/audio/stored-voices");
  const cloning = catalogue.voices.some((voice) => data.some((own) => own.name === voice.id));
  $("voices-lead").textContent = data.length && !cloning
    ? "No engine that is ready clones voices. The page Status says what they need."
    : "Made of a recording once, then a name that every client can send.";
  const empty = make("li", { className: "empty" }, "No voice yet. Record 10 seconds of yourself, or drop a clip.");
  $("voice-cards").replaceChildren(...(data.length ? data.map(card) : [empty]));
}

function card(voice) {
  const newest = voice.samples.at(-1);
  const facts = newest ? `${newest.seconds.toFixed(1)} s at ${newest.sample_rate / 1000} kHz` : "no recording";
  const warnings = voice.samples.flatMap((sample) => sample.warnings);
  const ready = newest?.prepared.filter((each) => each.ready).map((each) => `prepared for ${each.model}`) ?? [];
  return make(
    "li",
    { className: "card" },
    make("h2", {}, voice.name),
    make("p", {}, [voice.description, voice.language, facts].filter(Boolean).join(" · ")),
    make("div", { className: "chips" }, ...[...voice.emotions, ...ready].map((text) => make("span", { className: "chip" }, text))),
    ...warnings.map((text) => make("p", { className: "warning" }, text)),
    recordings(voice, voice.name, `v1/audio/voices/${voice.id}/samples`, renew),
    make(
      "div",
      { className: "buttons" },
      newest ? labelled("Hear", voice, () => play(`v1/audio/voices/${voice.id}/samples/${newest.id}`)) : null,
      labelled("Change", voice, () => open(voice)),
      labelled("Export", voice, () => take(voice)),
      labelled("Remove", voice, () => remove(voice)),
    ),
  );
}

function labelled(label, voice, onclick) {
  const made = button(label, onclick, "quiet");
  made.setAttribute("aria-label", `${label} ${voice.name}`);
  return made;
}

async function take(voice) {
  const answer = await request(`v1/audio/voices/${voice.id}/export`);
  save(await answer.blob(), `${voice.name}.voice.zip`);
}

async function remove(voice) {
  await send("DELETE", `v1/audio/voices/${voice.id}`);
  await renew();
  toast(`${voice.name} is removed.`, async () => {
    await send("POST", `v1/audio/voices/${voice.id}/restore`);
    await renew();
  });
}

function open(voice) {
  changed = voice;
  $("voice-dialog-title").textContent = voice ? `Change ${voice.name}` : "New voice";
  $("voice-name").value = voice?.name ?? "";
  $("voice-language").value = voice?.language ?? "";
  $("voice-description").value = voice?.description ?? "";
  $("voice-consent").value = voice?.consent ?? "";
  $("clip-part").hidden = Boolean(voice);
  clearClip();
  $("voice-dialog").showModal();
}

async function store() {
  const said = {
    name: $("voice-name").value,
    language: $("voice-language").value,
    description: $("voice-description").value,
    consent: $("voice-consent").value,
  };
  const clip = chosen();
  if (!changed && !clip) {
    $("voice-problem").textContent = "Drop, choose or record a recording first.";
    return;
  }
  $("voice-save").disabled = true;
  try {
    if (changed) await send("PATCH", `v1/audio/voices/${changed.id}`, said);
    else {
      const form = new FormData();
      for (const [name, value] of Object.entries(said)) form.append(name, value);
      form.append("audio_sample", clip.blob, clip.name);
      const made = await send("POST", "v1/audio/voices", form);
      const warnings = made.samples[0].warnings.length;
      toast(warnings ? `${made.name} is kept, with ${warnings === 1 ? "a warning" : "warnings"}.` : `${made.name} is ready.`);
    }
    $("voice-dialog").close();
    await renew();
  } catch (error) {
    $("voice-problem").textContent = error.message;
  } finally {
    $("voice-save").disabled = false;
  }
}

async function renew() {
  await refresh();
  await show();
}
