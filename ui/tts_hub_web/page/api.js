// Requests to the server. A key is asked for when the server wants one, and kept in this browser only.

import { $ } from "./dom.js";

const KEY = "tts-hub-key";
let asking = null;

export class ApiError extends Error {
  constructor(message, code) {
    super(message);
    this.code = code;
  }
}

export const key = {
  get: () => localStorage.getItem(KEY) ?? "",
  forget: () => localStorage.removeItem(KEY),
};

function ask() {
  asking ??= new Promise((resolve) => {
    const dialog = $("key-dialog");
    dialog.onclose = () => {
      const given = dialog.returnValue === "ok" ? $("key").value.trim() : "";
      if (given) localStorage.setItem(KEY, given);
      $("key").value = "";
      asking = null;
      resolve(Boolean(given));
    };
    dialog.returnValue = "";
    dialog.showModal();
  });
  return asking;
}

export async function request(path, options = {}) {
  const headers = { ...(options.headers ?? {}) };
  if (key.get()) headers.Authorization = `Bearer ${key.get()}`;
  let answer;
  try {
    answer = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("The server does not answer. Is it running?", "unreachable");
  }
  if (answer.status === 401 && (await ask())) return request(path, options);
  if (!answer.ok) throw await failure(answer);
  return answer;
}

async function failure(answer) {
  try {
    const { error } = await answer.json();
    return new ApiError(error.message, error.code);
  } catch {
    return new ApiError(`The server answered with status ${answer.status}.`, "unknown");
  }
}

export const get = async (path) => (await request(path)).json();

export async function send(method, path, body = null) {
  const options = { method };
  if (body instanceof FormData) options.body = body;
  else if (body !== null) {
    options.body = JSON.stringify(body);
    options.headers = { "Content-Type": "application/json" };
  }
  return (await request(path, options)).json();
}

// The lines of an answer in JSON lines, as they come.
export async function* lines(path, body, signal) {
  const headers = { "Content-Type": "application/json" };
  const answer = await request(path, { method: "POST", body: JSON.stringify(body), headers, signal });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    for (const part of parts) if (part) yield JSON.parse(part);
  }
}
