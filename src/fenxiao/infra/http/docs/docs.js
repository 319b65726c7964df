"use strict";
// Reads openapi.json and shows each operation with its fields, and a form that sends it. Texts only ever become
// text nodes, never markup.

const METHODS = ["get", "post", "put", "patch", "delete"];
const DEPTH = 6;
const byId = (id) => document.getElementById(id);

function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  Object.assign(node, attributes);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function resolve(document_, schema) {
  if (!schema?.$ref) return schema ?? {};
  return schema.$ref.slice(2).split("/").reduce((node, step) => node?.[step], document_) ?? {};
}

function kind(document_, given) {
  const schema = resolve(document_, given);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return [...new Set(choices.map((choice) => kind(document_, choice)))].join(" | ");
  if (schema.type === "array") return `[${kind(document_, schema.items)}]`;
  return schema.format ?? schema.title ?? schema.type ?? "any";
}

function example(document_, given, depth = 0) {
  const schema = resolve(document_, given);
  if (depth > DEPTH) return null;
  if (schema.examples?.length) return schema.examples[0];
  if (schema.default !== undefined) return schema.default;
  if (schema.enum) return schema.enum[0];
  if (schema.const !== undefined) return schema.const;
  const choices = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (choices) return example(document_, choices[0], depth + 1);
  if (schema.type === "array") return [example(document_, schema.items, depth + 1)];
  if (schema.type === "object" || schema.properties) {
    const fields = Object.entries(schema.properties ?? {});
    return Object.fromEntries(fields.map(([name, field]) => [name, example(document_, field, depth + 1)]));
  }
  const samples = { integer: 1, number: 1, boolean: false, string: { date: "2026-11-22", "date-time": "2026-11-22T10:00:00Z" } };
  const sample = samples[schema.type];
  return typeof sample === "object" ? (sample[schema.format] ?? "text") : (sample ?? null);
}

function table(rows) {
  if (!rows.length) return null;
  return make("table", {}, make("tbody", {}, ...rows.map((cells) => make("tr", {}, ...cells.map((cell) => make("td", {}, cell))))));
}

function fields(document_, schema) {
  const { properties = {}, required = [] } = resolve(document_, schema);
  return Object.entries(properties).map(([name, field]) => [
    make("code", {}, name + (required.includes(name) ? " *" : "")),
    kind(document_, field),
    field.description ?? "",
  ]);
}

async function send(method, template, inputs, body, out) {
  let path = template;
  const query = new URLSearchParams();
  const headers = { "Accept-Language": byId("language").value };
  for (const { parameter, input } of inputs) {
    if (parameter.in === "path") path = path.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
    else if (input.value && parameter.in === "query") query.append(parameter.name, input.value);
    else if (input.value && parameter.in === "header") headers[parameter.name] = input.value;
  }
  if (byId("token").value) headers.Authorization = `Bearer ${byId("token").value}`;
  if (body) headers["Content-Type"] = "application/json";
  try {
    const address = "." + path + (query.size ? `?${query}` : "");
    const answer = await fetch(address, { method: method.toUpperCase(), headers, body: body?.value });
    // Shown as it came: parsing would round what is written exactly.
    out.textContent = `${answer.status} ${answer.statusText}\n${[...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n")}\n\n${await answer.text()}`;
  } catch (error) {
    out.textContent = String(error);
  }
  out.hidden = false;
}

function operation(document_, path, method, described) {
  const inputs = (described.parameters ?? []).map((parameter) => ({ parameter, input: make("input", { name: parameter.name }) }));
  const schema = described.requestBody?.content?.["application/json"]?.schema;
  const body = schema ? make("textarea", { value: JSON.stringify(example(document_, schema), null, 2), spellcheck: false }) : null;
  const success = Object.entries(described.responses ?? {}).find(([status]) => status.startsWith("2"));
  const answer = success?.[1].content?.["application/json"]?.schema;
  const out = make("pre", { hidden: true });
  const button = make("button", { type: "button", onclick: () => send(method, path, inputs, body, out) }, "Send 发送");
  const rows = inputs.map(({ parameter, input }) => [
    make("code", {}, parameter.name + (parameter.required ? " *" : "")),
    `${parameter.in}, ${kind(document_, parameter.schema)}`,
    parameter.description ?? "",
    input,
  ]);
  return make(
    "details",
    { className: "operation" },
    make("summary", {}, make("b", { className: method }, method.toUpperCase()), make("code", {}, path), make("small", {}, described.summary ?? "")),
    described.description ? make("p", {}, described.description) : null,
    table(rows),
    schema ? make("h4", {}, "Body 请求体") : null,
    schema ? table(fields(document_, schema)) : null,
    body,
    make("p", {}, button),
    out,
    answer ? make("h4", {}, `Answer 响应 ${success[0]}`) : null,
    answer ? make("pre", {}, JSON.stringify(example(document_, answer), null, 2)) : null,
  );
}

function show(document_) {
  byId("title").textContent = `${document_.info.title} ${document_.info.version}`;
  byId("about").textContent = document_.info.description ?? "";
  document.title = document_.info.title;
  const groups = new Map();
  for (const [path, methods] of Object.entries(document_.paths)) {
    for (const method of METHODS.filter((name) => methods[name])) {
      const tag = methods[method].tags?.[0] ?? "other";
      groups.set(tag, [...(groups.get(tag) ?? []), operation(document_, path, method, methods[method])]);
    }
  }
  byId("operations").replaceChildren(...[...groups].map(([tag, nodes]) => make("section", {}, make("h2", {}, tag), ...nodes)));
}

function filter() {
  const wanted = byId("filter").value.toLowerCase();
  for (const section of document.querySelectorAll("section")) {
    const nodes = [...section.querySelectorAll("details")];
    for (const node of nodes) node.hidden = !node.querySelector("summary").textContent.toLowerCase().includes(wanted);
    section.hidden = nodes.every((node) => node.hidden);
  }
}

byId("filter").addEventListener("input", filter);
fetch("openapi.json")
  .then((answer) => answer.json())
  .then(show)
  .catch((error) => { byId("operations").textContent = String(error); });
