// What there is to choose from: engines, voices, emotions. Fetched once, and again after a change.

import { get } from "./api.js";

export const catalogue = { auto: null, engines: [], voices: [], emotions: [], settings: {} };
const listeners = new Set();

export const onChange = (listener) => listeners.add(listener);

export async function refresh() {
  const [engines, voices, emotions] = await Promise.all([get("v1/engines"), get("v1/audio/voices"), get("emotions")]);
  Object.assign(catalogue, {
    auto: engines.auto,
    engines: engines.engines,
    voices: voices.voices,
    emotions: emotions.data,
    settings: emotions.settings,
  });
  for (const listener of listeners) listener();
}

export function engineOf(model) {
  const name = model === "auto" ? catalogue.auto : model;
  return catalogue.engines.find((engine) => engine.name === name || engine.models.includes(name));
}
