// The recordings of a voice or an emotion, on its card: heard, added and deleted.

import { request, send } from "./api.js";
import { button, make, toast } from "./dom.js";

let sound = null;

// `path`: where the owner's recordings are. `renew`: shows the cards anew.
export function recordings(owner, name, path, renew) {
  const rows = owner.samples.map((sample) => row(sample, name, path, renew));
  const input = make("input", { type: "file", className: "hidden", accept: "audio/*,video/webm,video/mp4" });
  input.setAttribute("aria-label", `Add a recording to ${name}`);
  input.onchange = () => add(input.files[0], path, renew);
  const choose = make("label", { className: "button" }, "Add a recording", input);
  return make("details", {}, make("summary", {}, rows.length === 1 ? "1 recording" : `${rows.length} recordings`), make("ul", { className: "recordings" }, ...rows), choose);
}

function row(sample, name, path, renew) {
  const facts = `${sample.seconds.toFixed(1)} s${sample.origin ? ` of ${sample.origin}` : ""}`;
  const hear = button("Hear", () => play(`${path}/${sample.id}`), "quiet");
  const drop = button("Delete", () => remove(sample, path, renew), "quiet");
  hear.setAttribute("aria-label", `Hear the recording ${facts} of ${name}`);
  drop.setAttribute("aria-label", `Delete the recording ${facts} of ${name}`);
  return make("li", {}, make("span", {}, facts), hear, drop);
}

export async function play(path) {
  sound?.pause();
  const answer = await request(path);
  sound = new Audio(URL.createObjectURL(await answer.blob()));
  await sound.play();
}

async function add(file, path, renew) {
  if (!file) return;
  const form = new FormData();
  form.append("audio_sample", file, file.name);
  try {
    const owner = await send("POST", path, form);
    toast(owner.samples.at(-1).warnings[0] ?? "The recording is added.");
    await renew();
  } catch (error) {
    toast(error.message);
  }
}

async function remove(sample, path, renew) {
  if (!confirm(`Delete this recording of ${sample.seconds.toFixed(1)} s for good?`)) return;
  await send("DELETE", `${path}/${sample.id}`);
  await renew();
}
