// The page as a whole: one address for each part, the colours, and the first look at what there is.

import { refresh } from "./catalogue.js";
import { $, toast } from "./dom.js";
import * as emotions from "./emotions.js";
import * as speak from "./speak.js";
import * as status from "./status.js";
import * as voices from "./voices.js";

const PARTS = { speak: { show() {} }, voices, emotions, status };
const THEMES = { auto: "◐", light: "☀", dark: "☾" };
const THEME = "tts-hub-theme";

function part() {
  const name = location.hash.slice(1);
  return name in PARTS ? name : "speak";
}

async function go() {
  const name = part();
  for (const other of Object.keys(PARTS)) $(`page-${other}`).hidden = other !== name;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${name[0].toUpperCase()}${name.slice(1)} – tts-hub`;
  if (name !== "status") status.hide();
  try {
    await PARTS[name].show();
  } catch (error) {
    toast(error.message);
  }
}

function colours(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  localStorage.setItem(THEME, theme);
  $("theme").textContent = THEMES[theme];
  $("theme").setAttribute("aria-label", `Colours: ${theme}. Change them`);
}

colours(localStorage.getItem(THEME) in THEMES ? localStorage.getItem(THEME) : "auto");
$("theme").onclick = () => {
  const names = Object.keys(THEMES);
  colours(names[(names.indexOf(localStorage.getItem(THEME)) + 1) % names.length]);
};
for (const close of document.querySelectorAll("[data-close]")) close.onclick = () => close.closest("dialog").close();
speak.start();
voices.start();
emotions.start();
status.start();
addEventListener("hashchange", go);
try {
  await refresh();
} catch (error) {
  toast(error.message);
}
await go();
document.documentElement.dataset.ready = "true";
