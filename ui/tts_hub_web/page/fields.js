// Form fields made from a JSON Schema, as the server describes the options of engines.

import { choices, make } from "./dom.js";

// The schema without the `null` of optional values, and whether it may be left out.
function plain(schema) {
  const kinds = (schema.anyOf ?? [schema]).filter((kind) => kind.type !== "null");
  return { ...schema, ...(kinds[0] ?? {}) };
}

function field(name, schema, value) {
  const { type, enum: values, minimum, maximum, exclusiveMinimum } = plain(schema);
  const given = value ?? "";
  if (values) {
    const select = make("select", { name });
    const usual = schema.default ?? null;
    choices(select, [{ value: "", label: usual ? `as usual (${usual})` : "as usual" }, ...values.map((v) => ({ value: v, label: v }))], given);
    return select;
  }
  if (type === "boolean") {
    const select = make("select", { name });
    choices(select, [{ value: "", label: "as usual" }, { value: "true", label: "yes" }, { value: "false", label: "no" }], String(given));
    return select;
  }
  const input = make("input", { name, value: given });
  if (type === "number" || type === "integer") {
    input.type = "number";
    input.step = type === "integer" ? "1" : "any";
    if (minimum !== undefined) input.min = minimum;
    else if (exclusiveMinimum !== undefined) input.min = exclusiveMinimum;
    if (maximum !== undefined) input.max = maximum;
    if (schema.default !== null && schema.default !== undefined) input.placeholder = schema.default;
  } else input.type = "text";
  return input;
}

export function build(box, schema, values = {}) {
  box.replaceChildren();
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const { type } = plain(property);
    if (type === "object" || type === "array") continue; // no plain form for these
    const title = name.replaceAll("_", " ");
    const label = make("label", {}, title[0].toUpperCase() + title.slice(1), field(name, property, values[name]));
    if (property.description) label.append(make("small", {}, property.description));
    box.append(label);
  }
}

export function read(box, schema) {
  const found = {};
  for (const input of box.querySelectorAll("[name]")) {
    if (input.value === "") continue;
    const { type } = plain(schema.properties[input.name]);
    if (type === "number" || type === "integer") found[input.name] = Number(input.value);
    else if (type === "boolean") found[input.name] = input.value === "true";
    else found[input.name] = input.value;
  }
  return found;
}
