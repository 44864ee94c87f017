// The page Emotions: profiles as cards, made, changed, copied, heard and removed.

import { request, send } from "./api.js";
import { catalogue, refresh } from "./catalogue.js";
import { $, button, make, toast } from "./dom.js";
import { build, read } from "./fields.js";
import { recordings } from "./recordings.js";

let changed = null;
let sound = null;

export function start() {
  $("new-emotion").onclick = () => open(null);
  $("emotion-form").onsubmit = (event) => {
    event.preventDefault();
    store();
  };
}

export async function show() {
  const empty = make("li", { className: "empty" }, "No emotion yet. Make one, such as “calm”, and send it behind any voice.");
  const cards = catalogue.emotions.map(card);
  $("emotion-cards").replaceChildren(...(cards.length ? cards : [empty]));
}

function settingsOf(emotion) {
  return Object.keys(catalogue.settings.properties).filter((name) => name !== "options" && emotion[name] !== null);
}

function card(emotion) {
  const chips = settingsOf(emotion).map((name) => make("span", { className: "chip" }, `${name} ${emotion[name]}`));
  return make(
    "li",
    { className: "card" },
    make("h2", {}, emotion.full_name),
    make("p", {}, emotion.description || (emotion.character ? `of the voice ${emotion.character}` : "for any voice")),
    make("div", { className: "chips" }, ...chips),
    recordings(emotion, emotion.full_name, `emotions/${emotion.id}/voices`, renew),
    make(
      "div",
      { className: "buttons" },
      labelled("Hear", emotion, (event) => hear(emotion, event.currentTarget)),
      labelled("Change", emotion, () => open(emotion)),
      labelled("Copy", emotion, () => open({ ...emotion, id: null, name: `${emotion.name} 2` })),
      labelled("Remove", emotion, () => remove(emotion)),
    ),
  );
}

function labelled(label, emotion, onclick) {
  const made = button(label, onclick, "quiet");
  made.setAttribute("aria-label", `${label} ${emotion.full_name}`);
  return made;
}

async function hear(emotion, pressed) {
  sound?.pause();
  pressed.disabled = true;
  try {
    const headers = { "Content-Type": "application/json" };
    const answer = await request(`emotions/${emotion.id}/test`, { method: "POST", body: "{}", headers });
    sound = new Audio(URL.createObjectURL(await answer.blob()));
    await sound.play();
    const ignored = answer.headers.get("tts-hub-ignored");
    if (ignored) toast(`The engine has no use for ${ignored}.`);
  } catch (error) {
    toast(error.message);
  } finally {
    pressed.disabled = false;
  }
}

async function remove(emotion) {
  await send("DELETE", `emotions/${emotion.id}`);
  await renew();
  toast(`${emotion.full_name} is removed.`, async () => {
    await send("POST", `emotions/${emotion.id}/restore`);
    await renew();
  });
}

function open(emotion) {
  changed = emotion?.id ? emotion : null;
  $("emotion-dialog-title").textContent = changed ? `Change ${emotion.full_name}` : "New emotion";
  $("emotion-name").value = emotion?.name ?? "";
  $("emotion-character").value = emotion?.character ?? "";
  $("emotion-description").value = emotion?.description ?? "";
  $("emotion-problem").textContent = "";
  const names = catalogue.voices.map((voice) => voice.id).filter((id) => !id.includes(":"));
  $("known-voices").replaceChildren(...[...new Set(names)].map((value) => make("option", { value })));
  build($("emotion-fields"), catalogue.settings, emotion ?? {});
  $("emotion-dialog").showModal();
}

async function store() {
  const body = {
    name: $("emotion-name").value,
    character: $("emotion-character").value,
    description: $("emotion-description").value,
    ...read($("emotion-fields"), catalogue.settings),
    options: changed?.options ?? {},
  };
  try {
    if (changed) await send("PUT", `emotions/${changed.id}`, body);
    else await send("POST", "emotions", body);
    $("emotion-dialog").close();
    await renew();
  } catch (error) {
    $("emotion-problem").textContent = error.message;
  }
}

async function renew() {
  await refresh();
  await show();
}
