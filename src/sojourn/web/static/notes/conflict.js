// Two windows have different texts: both are shown, and the person chooses. What is not taken is kept as a draft of its own.
import { apply, valuesOf } from "./autosave.js";

const panel = document.getElementById("conflict");
const list = document.getElementById("theirs");
const acts = document.getElementById("conflict-acts");

const fieldOf = (form, name) => form.elements[name] instanceof RadioNodeList ? form.elements[name][0] : form.elements[name];

function labelOf(form, name) {
  const field = fieldOf(form, name);
  const group = field?.closest("fieldset.chips")?.querySelector("legend");
  return (group ?? field?.labels?.[0])?.textContent.trim() ?? name;
}

function wordsOf(form, name, values) {
  const field = fieldOf(form, name);
  if (!field || field.tagName === "TEXTAREA" || field.type === "text") return values.join(", ");
  const chosen = [...form.elements].filter((each) => each.name === name && values.includes(each.value));
  if (field.tagName === "SELECT") return [...field.options].filter((o) => values.includes(o.value)).map((o) => o.textContent).join(", ");
  return chosen.length ? chosen.map((each) => each.labels?.[0]?.textContent.trim() || each.value).join(", ") : values.join(", ");
}

function part(title, words) {
  const section = document.createElement("section");
  section.className = "theirs";
  const heading = document.createElement("h3");
  heading.textContent = `${title}, in the other window`;
  const text = document.createElement("p");
  text.className = "words";
  text.textContent = words || "(empty)";
  section.append(heading, text);
  return section;
}

export function show(form, theirs) {
  const mine = valuesOf(form);
  const names = [...new Set([...Object.keys(mine), ...Object.keys(theirs.values)])].filter((name) => JSON.stringify(mine[name] ?? []) !== JSON.stringify(theirs.values[name] ?? []));
  list.replaceChildren(...names.map((name) => part(labelOf(form, name), wordsOf(form, name, theirs.values[name] ?? []))));
  acts.hidden = false;
  panel.hidden = false;
  panel.focus();
}

async function stashCopy(form, values) {
  const answer = await fetch(form.dataset.copyTo, {
    method: "POST", redirect: "manual", body: JSON.stringify({ template: form.dataset.template, values }),
    headers: { "Content-Type": "application/json", "X-CSRF-Token": form.elements.csrf.value },
  });
  return answer.ok ? (await answer.json()).path : null;
}

// What a choice makes of the two; the stamp then goes on from theirs.
export async function take(form, choice, theirs) {
  const mine = valuesOf(form);
  if (choice === "theirs") {
    if (!(await stashCopy(form, mine))) return false;
    apply(form, theirs.values);
  } else if (choice === "both") {
    for (const area of form.querySelectorAll("textarea[data-section]")) {
      const other = theirs.values[area.name]?.[0] ?? "";
      if (other && other !== area.value) area.value = area.value ? `${area.value}\n\n${other}` : other;
    }
    const rest = Object.fromEntries(Object.entries(theirs.values).filter(([name]) => !(name in mine)));
    apply(form, { ...valuesOf(form), ...rest });
  }
  panel.hidden = true;
  return true;
}

export { stashCopy };
