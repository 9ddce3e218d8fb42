// My notes: what a window left in this browser because the server could not be reached is sent now, or listed.
import { same } from "./autosave.js";
import * as vault from "./vault.js";

const place = document.getElementById("unsent");

async function sent(kept) {
  try {
    const answer = await fetch(kept.keep, {
      method: "POST", redirect: "manual", body: JSON.stringify({ stamp: kept.stamp, tab: "", values: kept.values }),
      headers: { "Content-Type": "application/json", "X-CSRF-Token": place.querySelector("input[name=csrf]").value },
    });
    return answer.ok || (answer.status === 409 && same((await answer.json()).values, kept.values));
  } catch {
    return false;
  }
}

async function look() {
  const box = await vault.open(place.dataset.keyOf);
  if (!box) return;
  const open = await vault.windows();
  for (const [name, kept] of Object.entries(await box.read())) {
    if (open.has(`window-${name.split(":")[1]}`)) continue;
    if (await sent(kept)) await box.change((all) => Object.fromEntries(Object.entries(all).filter(([other]) => other !== name)));
    else {
      const link = document.createElement("a");
      link.href = kept.path;
      link.textContent = `Open the note of ${new Date(kept.at).toLocaleString()}`;
      const item = document.createElement("li");
      item.append(link);
      document.getElementById("unsent-list").append(item);
      place.hidden = false;
    }
  }
}
look();
