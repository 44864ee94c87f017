// Small helpers for the page. Text from outside is only ever set as text, never as HTML.

export const $ = (id) => document.getElementById(id);

export function make(tag, properties = {}, ...children) {
  const { dataset = {}, ...others } = properties;
  const element = Object.assign(document.createElement(tag), others);
  Object.assign(element.dataset, dataset);
  element.append(...children.filter((child) => child !== null && child !== ""));
  return element;
}

export function button(label, onclick, className = "") {
  return make("button", { type: "button", className, onclick }, label);
}

export function choices(select, rows, chosen) {
  const before = chosen ?? select.value;
  const groups = new Map();
  for (const { value, label, group = "" } of rows) {
    if (!groups.has(group)) groups.set(group, []);
    groups.get(group).push(make("option", { value }, label));
  }
  select.replaceChildren();
  for (const [group, options] of groups) {
    if (group) {
      const box = make("optgroup", { label: group });
      box.append(...options);
      select.append(box);
    } else select.append(...options);
  }
  if ([...select.options].some((option) => option.value === before)) select.value = before;
}

export function seconds(value) {
  const whole = Math.max(0, value);
  return `${Math.floor(whole / 60)}:${(whole % 60).toFixed(1).padStart(4, "0")}`;
}

export function bytes(value) {
  for (const [unit, size] of [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]]) {
    if (value >= size) return `${(value / size).toPrecision(3)} ${unit}`;
  }
  return `${value} bytes`;
}

export function save(blob, name) {
  const link = make("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export function toast(text, undo = null) {
  const box = make("div", { className: "toast" }, make("span", {}, text));
  const close = () => box.remove();
  if (undo) {
    box.append(button("Undo", () => { close(); undo(); }));
  }
  $("toasts").append(box);
  setTimeout(close, undo ? 12_000 : 6_000);
}
