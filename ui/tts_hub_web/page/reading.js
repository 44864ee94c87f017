// The text while it is spoken: each word lights up when it sounds.

import { make } from "./dom.js";

export class Reading {
  constructor(box) {
    this.box = box;
    this.begin("");
  }

  begin(text) {
    this.characters = [...text]; // the server counts characters, JavaScript counts halves of some
    this.words = [];
    this.done = 0;
    this.now = null;
    this.rest = document.createTextNode(text);
    this.box.replaceChildren(this.rest);
  }

  add(words) {
    for (const word of words) {
      const [from, to] = word.span;
      if (from < this.done) continue;
      const before = this.characters.slice(this.done, from).join("");
      const element = make("span", { className: "word" }, this.characters.slice(from, to).join(""));
      this.rest.before(before, element);
      this.words.push({ ...word, element });
      this.done = to;
    }
    this.rest.data = this.characters.slice(this.done).join("");
  }

  // Light up the word that sounds at a time in seconds.
  show(time) {
    let found = null;
    for (let index = this.words.length - 1; index >= 0; index -= 1) {
      if (this.words[index].start <= time) {
        found = time < this.words[index].end + 0.15 ? this.words[index] : null;
        break;
      }
    }
    if (found === this.now) return;
    this.now?.element.classList.remove("now");
    found?.element.classList.add("now");
    if (found) this.#keepInView(found.element);
    this.now = found;
  }

  #keepInView(element) {
    const { box } = this;
    const top = element.offsetTop - box.offsetTop;
    if (top < box.scrollTop || top > box.scrollTop + box.clientHeight - 40) box.scrollTop = top - box.clientHeight / 3;
  }

  // Captions in WebVTT: lines of at most 42 letters, cut at the ends of sentences.
  captions() {
    const stamp = (time) => new Date(time * 1000).toISOString().slice(11, 23);
    const cues = [];
    let line = [];
    const close = () => {
      if (line.length) {
        const [first, last] = [line[0], line.at(-1)];
        const text = this.characters.slice(first.span[0], this.#behind(last.span[1])).join("").replace(/\s+/g, " ");
        cues.push(`${stamp(first.start)} --> ${stamp(last.end)}\n${text.trim().replace(/-->/g, "→")}\n`);
      }
      line = [];
    };
    for (const word of this.words) {
      if (line.length && word.span[1] - line[0].span[0] > 42) close();
      line.push(word);
      if (/[.!?…]["”’')]*$/.test(this.characters.slice(word.span[0], this.#behind(word.span[1])).join(""))) close();
    }
    close();
    return `WEBVTT\n\n${cues.join("\n")}`;
  }

  // The end of the marks behind a word.
  #behind(at) {
    let end = at;
    while (end < this.characters.length && /[^\s\p{L}\p{N}]/u.test(this.characters[end])) end += 1;
    return end;
  }
}
